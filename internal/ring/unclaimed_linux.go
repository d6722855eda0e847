// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package ring

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"
)

// Unclaimed returns the rings of the program in Dir that nobody holds and whose
// destination has none of these names: nobody recovers them as long as that is so. It
// changes nothing, and leaves out what cannot be read, for that is no ring, or what is
// nobody's business just now. A directory that is missing holds none.
func Unclaimed(o Options, names []string) ([]Leftover, error) {
	d, err := openDir(o, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	all, err := d.list()
	if err != nil {
		return nil, fmt.Errorf("ring: Durable.Dir: %w", err)
	}
	slices.Sort(all)
	var found []Leftover
	for _, name := range all {
		program, ending, ok := partsOf(name)
		if !ok || ending != ringEnding || program != escape(o.program()) {
			continue
		}
		if l, ok := d.leftover(name, names); ok {
			found = append(found, l)
		}
	}
	return found, nil
}

// leftover looks at a file, and reports whether nobody holds it and its destination has
// none of the names. It holds the file itself no longer than it takes to read the label:
// another start that found it held would leave it to a later one. So what is in it may
// change while it is counted, which shows when it is held once more.
func (d *dir) leftover(name string, names []string) (l Leftover, ok bool) {
	h, err := d.peek(name)
	defer h.release()
	if err != nil || slices.Contains(names, h.label.name) {
		return l, false
	}
	_ = unix.Flock(h.fd, unix.LOCK_UN)
	l = Leftover{Path: d.join(name), Size: int64(h.plan.size), Name: h.label.name, Records: h.records()}
	_, err = d.lock(h.fd, name)
	return l, err == nil
}

// records returns how many are in the queue and on their way to the sink, as far as that
// can be told.
func (h *hold) records() int {
	m, err := mapFile(h.fd, h.plan.size)
	if err != nil {
		return 0
	}
	defer unmap(m) // nothing of it is kept
	q := &Orphan{}
	q.image = m
	q.lay(&h.label, h.plan)
	if q.read() != nil {
		return 0
	}
	n := q.counts.Records
	if b := q.batch; b != nil {
		first, _ := slices.BinarySearch(b.Ends, max(b.Lead, b.Done)+1)
		n += len(b.Ends) - first
	}
	return n
}
