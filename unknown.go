// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// unknownNames counts layer names that nobody configured. They may come from
// outside the program, so their number and length are bounded.
type unknownNames struct {
	mu     sync.Mutex
	counts map[string]uint64 // guarded by mu
}

const (
	maxUnknownNames      = 64
	maxUnknownNameLength = 64
	otherNames           = "(others)"
)

// add counts name. It returns what it is counted under, and whether it is a name that
// was not there before.
func (u *unknownNames) add(name string) (kept string, first bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = make(map[string]uint64)
	}
	if len(name) > maxUnknownNameLength {
		name = strings.ToValidUTF8(name[:maxUnknownNameLength], "") + "…"
	}
	if _, ok := u.counts[name]; !ok {
		if first = len(u.counts) < maxUnknownNames; !first {
			name = otherNames
		}
		name = strings.Clone(name) // it may be a part of something large
	}
	u.counts[name]++
	return name, first
}

// snapshot returns a copy of the counts.
func (u *unknownNames) snapshot() map[string]uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.counts)
}

// reportUnknown tells of a layer name that nobody configured, or that of layer "*".
func (r *router) reportUnknown(name string) {
	if name == everyLayer && r.every {
		r.reporter.report(Event{Kind: EventUnknownLayer, Err: fmt.Errorf(
			"layer %q takes every record and cannot be chosen, its records go to %q", name, defaultLayer)})
		return
	}
	err := fmt.Errorf("layer %q is not configured, its records go to %q", name, defaultLayer)
	if near := nearest(name, slices.Sorted(maps.Keys(r.layers))); near != "" {
		err = fmt.Errorf("%w; the nearest name is %q", err, near)
	}
	r.reporter.report(Event{Kind: EventUnknownLayer, Err: err})
}

// nearest returns the first of names that fewest mistakes in typing turn into name, or
// "" if none is near enough to have been meant.
func nearest(name string, names []string) (best string) {
	least := 2 + len(name)/4
	for _, n := range names {
		if m := mistypings([]rune(name), []rune(n)); m < least {
			best, least = n, m
		}
	}
	return best
}

// mistypings returns how many characters must be added, left out, changed or swapped
// with the next to make b of a.
func mistypings(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range b {
			changed := last[j]
			if a[i] != b[j] {
				changed++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, changed)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
