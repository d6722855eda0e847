// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"os"
	"slices"
	"time"
)

// System is the seam between a sink and the operating system.
type System = system

// The systems of sinks without and with Options.Root.
var Everywhere System = everywhere{}

// SetSystem makes s ask sys. It must not be open.
func (s *Sink) SetSystem(sys System) { s.sys = sys }

// Backups returns the names of the rotated files of the file called base, among
// names, oldest first.
func Backups(template, base string, names []string) ([]string, error) {
	p, err := newPattern(template, base)
	var found []string
	stamps := make(map[string]stamp)
	for _, name := range names {
		if a, rest, ok := p.parse(name); ok && (rest == "" || isCompressed(rest)) {
			stamps[name] = a
			found = append(found, name)
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return stamps[a].compare(stamps[b]) })
	return found, err
}

var (
	Next       = next
	ParseTimes = parseTimes
)

// RenameSlowly renames as where the system cannot do it in one step. Hard links
// fail with an error unless it is nil.
func RenameSlowly(oldname, newname string, link error) error {
	call := names{os.Link, os.Remove, os.Lstat, os.Rename}
	if link != nil {
		call.link = func(string, string) error { return link }
	}
	return renameSlowly(oldname, newname, call)
}

// HoldNames makes this system look like one that does not rename open files.
func HoldNames() (undo func()) {
	before := holdsNames
	holdsNames = true
	return func() { holdsNames = before }
}

// SetDue sets when the file is to be rotated by the wall clock.
func (s *Sink) SetDue(at time.Time) { s.due.at = at }

// Unsure returns a place that was noted that many bytes before, by a sink that did
// not have its turn.
func Unsure(noted []byte, before int) []byte {
	p, err := parsePlace(noted)
	if err != nil {
		panic(err)
	}
	p.exact = false
	p.offset -= int64(before)
	return p.append(nil)
}

// SameContent is sameContent.
var SameContent = sameContent
