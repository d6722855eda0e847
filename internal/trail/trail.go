// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package trail is the audit trail of a stream of log lines: what a writer puts at
// the end of each line, and how that is read again. What many such lines prove is for
// package audit to say.
//
// A trail is the last attribute of its line:
//
//	{"msg":"hello","trail":"q3Xw70aZ.17.0rSgVhO6b5X1k8yCq2vT9A"}
//	msg=hello trail=q3Xw70aZ.17.0rSgVhO6b5X1k8yCq2vT9A
//
// It names the run of the writer; the number of the line in that run, from 1 on; and
// with a key a MAC, which links the line to the one before it. In place of a number
// 12-16 stands on a line that tells that the lines 12 to 16 are missing there, or
// 12-11 if those that are missing have no numbers, and end-20 on the line that ends
// a run of 20.
package trail

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strconv"
)

// Max is the most bytes by which a trail makes a line longer.
const Max = 96

// Run names what one writer wrote, from its start to its end, by random letters and
// digits.
type Run [8]byte

// NewRun returns the name of a new run.
func NewRun() (r Run) {
	var random [6]byte
	for ok := false; !ok; ok = r.valid() { // one in five has a - or a _
		_, _ = rand.Read(random[:]) // never fails
		base64.RawURLEncoding.Encode(r[:], random[:])
	}
	return r
}

// String returns the characters.
func (r Run) String() string { return string(r[:]) }

// valid reports whether all characters are letters and digits.
func (r Run) valid() bool {
	return !slices.ContainsFunc(r[:], func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}

// MAC is what links a line to the one before it.
type MAC [16]byte

// Kind says what sort of line a trail is on.
type Kind uint8

// The sorts of lines.
const (
	Line Kind = iota // a record
	Gap              // tells of records that are missing at its place
	End              // the last of its run
)

// A Mark is what a trail says.
type Mark struct {
	Run   Run
	Kind  Kind
	First uint64 // the number of the line; the first that is missing; one more than the run's last
	Last  uint64 // the number of the line; the last that is missing; the run's last
	Keyed bool   // MAC is there
	MAC   MAC
}

// Next returns the number that the line behind has, or, if that is a gap marker or
// the end, begins with.
func (m *Mark) Next() uint64 { return m.Last + 1 }

// maxNumber keeps sums of numbers from wrapping.
const maxNumber = 1<<62 - 1

const (
	jsonKey = `"trail":"`
	textKey = " trail="
	macText = 22 // bytes of a MAC in a line
)

// encoding refuses texts that differ and stand for the same bytes.
var encoding = base64.RawURLEncoding.Strict()

// append appends record with its trail to dst, and sets the MAC if there is a key.
// before is that of the line before.
//
// In a record that begins with { and ends with } the trail is the object's last
// member; any other gets " trail=" at its end. A line break at the end stays there.
func (m *Mark) append(dst, record []byte, key *Key, before MAC) []byte {
	body := trimBreak(record)
	end := record[len(body):]
	line := len(dst)
	object := len(body) > 1 && body[0] == '{' && body[len(body)-1] == '}'
	if object {
		dst = append(dst, body[:len(body)-1]...)
		if len(body) > 2 {
			dst = append(dst, ',')
		}
		dst = append(dst, jsonKey...)
	} else {
		dst = append(dst, body...)
		dst = append(dst, textKey...)
	}
	dst = append(dst, m.Run[:]...)
	dst = append(dst, '.')
	switch m.Kind {
	case Line:
		dst = strconv.AppendUint(dst, m.First, 10)
	case Gap:
		dst = strconv.AppendUint(dst, m.First, 10)
		dst = append(dst, '-')
		dst = strconv.AppendUint(dst, m.Last, 10)
	case End:
		dst = append(dst, "end-"...)
		dst = strconv.AppendUint(dst, m.Last, 10)
	}
	if m.Keyed = key != nil; m.Keyed {
		dst = append(dst, '.')
		m.MAC = key.Link(dst[line:], before)
		dst = encoding.AppendEncode(dst, m.MAC[:])
	}
	if object {
		dst = append(dst, `"}`...)
	}
	return append(dst, end...)
}

// Parse reads the trail of a line, which may end in a line break. ok tells whether
// it has one, and covered is what of the line its MAC covers.
func Parse(line []byte) (m Mark, covered []byte, ok bool) {
	line = trimBreak(line)
	text := line
	key := []byte(textKey)
	if inner, object := bytes.CutSuffix(line, []byte(`"}`)); object {
		text, key = inner, []byte(jsonKey)
	}
	from := max(len(text)-Max, 0)
	at := bytes.LastIndex(text[from:], key)
	if at < 0 {
		return m, nil, false
	}
	at += from
	if len(text) < len(line) && (at == 0 || text[at-1] != ',' && text[at-1] != '{') {
		return m, nil, false
	}
	if text = text[at+len(key):]; !m.parse(text) {
		return m, nil, false
	}
	if covered = line[:at+len(key)+len(text)]; m.Keyed {
		covered = covered[:len(covered)-macText]
	}
	return m, covered, true
}

// parse reads the value of a trail, which must be as append writes it.
func (m *Mark) parse(text []byte) bool {
	if len(text) < len(m.Run)+2 || text[len(m.Run)] != '.' {
		return false
	}
	m.Run = Run(text)
	if !m.Run.valid() {
		return false
	}
	where, mac, keyed := bytes.Cut(text[len(m.Run)+1:], []byte{'.'})
	if m.Keyed = keyed; keyed {
		if len(mac) != macText {
			return false
		}
		if n, err := encoding.Decode(m.MAC[:], mac); err != nil || n != len(m.MAC) {
			return false
		}
	}
	first, last, two := bytes.Cut(where, []byte{'-'})
	var ok, okay bool
	switch {
	case !two:
		m.Kind = Line
		m.First, ok = number(first)
		m.Last = m.First
		return ok && m.First > 0
	case string(first) == "end":
		m.Kind = End
		m.Last, ok = number(last)
		m.First = m.Last + 1
		return ok
	}
	m.Kind = Gap
	m.First, ok = number(first)
	m.Last, okay = number(last)
	return ok && okay && m.First > 0 && m.Last >= m.First-1
}

// number reads a number as strconv.AppendUint writes it.
func number(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 19 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= maxNumber
}

// trimBreak returns line without the line break at its end, if it has one.
func trimBreak(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}
