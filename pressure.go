// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hydra-logger/hydra/internal/memory"
)

// pressure watches the memory for Config.MemoryLimit. It has no goroutine: who makes a
// handler looks once; writers do when they have work, also while their sink fails; a
// timer does while it keeps them in a call; and Health does.
type pressure struct {
	limit    int                                         // percent; negative means none
	read     func(now time.Time) (memory.Reading, error) // of a memory.Guard
	reporter *reporter
	high     atomic.Bool // above the limit when last looked at
}

func newPressure(limit int, r *reporter) *pressure {
	return &pressure{limit: limit, read: new(memory.Guard).Read, reporter: r}
}

// look judges the memory by a reading that is at most a few seconds old.
func (p *pressure) look(now time.Time) memory.Reading {
	r, _ := p.read(now) // with an error it is a reading of the rest
	high := p.limit >= 0 && r.Percent > float64(p.limit)
	if p.high.Swap(high) != high {
		relation := "above"
		if !high {
			relation = "no longer above"
		}
		p.reporter.report(Event{Kind: EventMemory, Err: fmt.Errorf(
			"%s: %.0f %% used, %s the limit of %d %%", r.Source, r.Percent, relation, p.limit)})
	}
	return r
}

// guard looks if there is a limit to keep.
func (p *pressure) guard(now time.Time) {
	if p.limit >= 0 {
		p.look(now)
	}
}
