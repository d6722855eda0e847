// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// A pattern is what the names of a file's rotated files look like: prefix, stamp,
// suffix, and the extension of a compressor. What does not look exactly so is
// somebody else's.
type pattern struct{ prefix, suffix string }

// newPattern makes the pattern of a template for the file called base. It refuses
// templates by which two files of one folder could have the same names.
func newPattern(template, base string) (pattern, error) {
	if template == "" {
		template = "{name}-{time}{ext}"
	}
	if strings.ContainsFunc(template, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) }) {
		return pattern{}, fmt.Errorf("%q contains what cannot be in the name of a file: rotated files stay in the folder of the file", template)
	}
	before, after, found := strings.Cut(template, "{time}")
	if !found || strings.Contains(after, "{time}") {
		return pattern{}, fmt.Errorf("%q must contain {time} once, so that no name comes twice", template)
	}
	both := strings.Count(template, "{base}")
	name, ext := strings.Count(before, "{name}"), strings.Count(after, "{ext}")
	if both+name != 1 || name != ext || strings.Count(template, "{name}")+strings.Count(template, "{ext}") != name+ext {
		return pattern{}, fmt.Errorf("%q must contain either {base}, or {name} before {time} and {ext} after it, once, so that it matches no other log's files", template)
	}
	e := filepath.Ext(base)
	if e == base || isCompressed(e) {
		// .log is a name; app-….gz would be a rotated file of app, compressed.
		e = ""
	}
	fill := strings.NewReplacer("{base}", base, "{name}", strings.TrimSuffix(base, e), "{ext}", e)
	if rest := strings.NewReplacer("{base}", "", "{name}", "", "{ext}", "").Replace(before + after); strings.ContainsAny(rest, "{}") {
		return pattern{}, fmt.Errorf("%q: there are {name}, {ext}, {base} and {time}, and no other braces", template)
	}
	p := pattern{fill.Replace(before), fill.Replace(after)}
	if p.suffix != "" && strings.ContainsRune("-0123456789", rune(p.suffix[0])) {
		return pattern{}, fmt.Errorf("%q: what follows {time} must not begin with a digit or '-', as counters do", template)
	}
	return p, nil
}

// A stamp is the place of a rotated file among the others: when it was rotated, or
// a millisecond after the one before if that is later, so that the names sort as the
// files do. The counter is for files that were made when equal times had one, and for
// the last millisecond of the year 9999.
type stamp struct {
	at time.Time // UTC, whole milliseconds
	n  int
}

const stampLayout = "20060102T150405.000Z"

func (a stamp) compare(b stamp) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.n, b.n))
}

// after returns the stamp of a file rotated now when the last one had stamp a.
// Clocks are set back; stamps never are.
func (a stamp) after(now time.Time) stamp {
	now = now.UTC().Truncate(time.Millisecond)
	if a.at.Before(now) {
		return stamp{at: now}
	}
	if next := a.at.Add(time.Millisecond); next.Year() <= 9999 { // or else the layout is too short
		return stamp{at: next}
	}
	return stamp{at: a.at, n: a.n + 1}
}

// name returns the name of the rotated file with a stamp.
func (p pattern) name(a stamp) string {
	text := a.at.Format(stampLayout)
	if a.n > 0 {
		text += "-" + strconv.Itoa(a.n)
	}
	return p.prefix + text + p.suffix
}

// mostName is how long a name may be almost everywhere: bytes, or on some systems
// characters.
const mostName = 255

// longestName returns how long the names are that a rotation needs, with room for a
// counter, and for the compression of what it makes.
func (s *Sink) longestName() int {
	name := s.pattern.name(stamp{n: 999})
	if s.opts.Compress != "" {
		name += s.compressor.Extension + tempExt
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return len(utf16.Encode([]rune(name)))
	}
	return len(name)
}

// parse returns the stamp in a name, and the rest of it: the extension of a
// compressor, perhaps.
func (p pattern) parse(name string) (a stamp, rest string, ok bool) {
	text, ok := strings.CutPrefix(name, p.prefix)
	if !ok || len(text) < len(stampLayout) {
		return stamp{}, "", false
	}
	at, err := time.Parse(stampLayout, text[:len(stampLayout)])
	if err != nil {
		return stamp{}, "", false
	}
	a.at, text = at, text[len(stampLayout):]
	if counter, found := strings.CutPrefix(text, "-"); found {
		digits := len(counter) - len(strings.TrimLeft(counter, "0123456789"))
		if a.n, err = strconv.Atoi(counter[:digits]); err != nil {
			return stamp{}, "", false
		}
		text = counter[digits:]
	}
	rest, ok = strings.CutPrefix(text, p.suffix)
	// Leading zeros, for one, are not ours.
	return a, rest, ok && p.name(a)+rest == name
}

// errTaken says that all names that were tried are taken.
var errTaken = errors.New("every name for the rotated file is taken")
