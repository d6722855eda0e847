// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"cmp"
	"fmt"

	"github.com/hydra-logger/hydra/internal/ring"
)

// appointTellers makes, for each folder of durable queues, the first destination there
// the one that tells of files that none of them will recover.
func (c *core) appointTellers() {
	tellers := make(map[string]*destination)
	for _, d := range c.destinations {
		if d.config.Durable == nil {
			continue
		}
		dir := cmp.Or(d.config.Durable.Dir, ring.DefaultDir())
		if tellers[dir] == nil {
			tellers[dir] = d
		}
		tellers[dir].claimed = append(tellers[dir].claimed, d.config.Name)
	}
}

// tellUnclaimed tells of the files in the folder that belong to no destination of the
// Config: one that was renamed, or is no longer durable. They stay as they are.
func (d *destination) tellUnclaimed() {
	if d.claimed == nil {
		return
	}
	left, err := ring.Unclaimed(d.ringOptions(), d.claimed)
	if err != nil {
		d.noteError("recover", err)
	}
	for _, l := range left {
		d.shared.reporter.report(Event{
			Kind: EventUnclaimed, Destination: l.Name, Count: uint64(l.Records),
			Err: fmt.Errorf("%s (%d bytes) waits for a durable destination with the name %q, and this handler has none: "+
				"give one that name for a start, which recovers it, or delete the file", l.Path, l.Size, l.Name),
		})
	}
}
