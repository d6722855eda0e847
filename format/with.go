// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format

import (
	"log/slog"
	"slices"
)

// base is what a format has collected through WithAttrs and WithGroup, and how
// it writes: every format of slog's shape embeds one. It is immutable; deriving
// copies it, and no two of them share room to append into.
type base struct {
	opts    Options // normal
	json    bool    // keys and values are JSON, not plain text
	nest    bool    // a group is an object, not a prefix of its keys
	console bool    // a terminal shows the text
	color   bool    // console: keys and errors are coloured

	pre    []byte   // encoded attributes, and the opening of their groups
	prefix []byte   // !nest: of the keys after pre
	groups []string // all that are open
	opened int      // how many of groups pre has opened
	left   int      // attributes and groups that had no room
	flaws  Flaws    // of pre
}

// normal returns a copy of o with its defaults filled in, and whether that is
// what nil gives.
func (o *Options) normal() (n Options, std bool) {
	if o != nil {
		n = *o
	}
	if n.MaxRecord <= 0 {
		n.MaxRecord = DefaultMaxRecord
	}
	n.MaxRecord = min(max(n.MaxRecord, MinMaxRecord), maxMaxRecord)
	return n, !n.AddSource && n.ReplaceAttr == nil && n.MaxRecord == DefaultMaxRecord
}

// withAttrs returns b with attrs encoded into it. It reports false when that
// changes nothing.
func (b *base) withAttrs(attrs []slog.Attr) (base, bool) {
	if !slices.ContainsFunc(attrs, notEmptyGroup) {
		return base{}, false
	}
	var e encoder
	e.beginWith(b)
	wrote := false
	if e.openGroups() {
		wrote = e.appendAttrs(attrs)
	} else {
		e.left += len(attrs)
	}
	n := *b
	n.left, n.flaws = e.left, b.flaws|e.flaws
	if wrote {
		n.pre = slices.Clip(e.buf)
		n.prefix = slices.Clone(e.prefix)
		n.opened = len(b.groups)
	}
	e.free()
	return n, wrote || n.left != b.left
}

func notEmptyGroup(a slog.Attr) bool {
	return a.Value.Kind() != slog.KindGroup || len(a.Value.Group()) > 0
}

// withGroup returns b with one more open group. It reports false when that
// changes nothing. A group past the bounds is not opened: what it was to hold
// stays in the group around it, and every record says that something is missing.
func (b *base) withGroup(name string) (base, bool) {
	if name == "" {
		return base{}, false
	}
	n := *b
	room := b.opts.MaxRecord / 4
	for _, g := range b.groups {
		room -= len(g)
	}
	if len(b.groups) >= maxDepth || len(name) > room {
		n.left++
		return n, true
	}
	n.groups = append(slices.Clip(b.groups), name)
	return n, true
}
