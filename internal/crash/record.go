// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// An id names a record: which life of the program logged it, by which producer,
// and the how manieth of that producer it was, from 1.
type id struct{ life, producer, number int }

// message returns the text of a record. Its length follows from the id, so that a
// reader knows whether it is whole.
func (r id) message() string {
	return fmt.Sprintf("%d.%d.%d %s.", r.life, r.producer, r.number, strings.Repeat("x", r.padding()))
}

// padding returns how long the text is. One in five hundred is longer than what
// the system writes in one piece, which a kill can tear.
func (r id) padding() int {
	if r.number%500 == r.producer {
		return 20_000
	}
	return (r.number*37 + r.producer*11) % 160
}

const (
	head  = `{"time":"`
	level = `,"level":"INFO","msg":"`
	tail  = `."}`
	ours  = `,"msg":"hydra: ` // begins the messages of hydra itself
)

// A kind is what a line of a file is.
type kind int

const (
	record kind = iota
	marker      // hydra's own: what is missing, what was recovered
	torn
)

// parse returns what a line is, and whose. A torn line may name its record. The trail
// of an audited line is not looked at here.
func parse(line []byte) (kind, id) {
	if i := bytes.LastIndex(line, []byte(`,"trail":"`)); i >= 0 && bytes.HasSuffix(line, []byte(`"}`)) {
		line = append(line[:i:i], '}')
	}
	if !bytes.HasSuffix(line, []byte("}")) || !bytes.HasPrefix(line, []byte(head)) {
		return torn, guess(line)
	}
	if bytes.Contains(line, []byte(ours)) {
		return marker, id{}
	}
	_, text, ok := bytes.Cut(line, []byte(level))
	if !ok || bytes.Contains(text, []byte(head)) {
		return torn, guess(line)
	}
	name, pad, ok := bytes.Cut(text, []byte(" "))
	r, sound := parseID(name)
	if !ok || !sound || len(pad) != r.padding()+len(tail) || !bytes.HasSuffix(pad, []byte(tail)) || bytes.Count(pad, []byte("x")) != r.padding() {
		return torn, guess(line)
	}
	return record, r
}

// guess returns the record that a torn line is the beginning of, as far as it says.
func guess(line []byte) id {
	_, text, _ := bytes.Cut(line, []byte(level))
	name, _, _ := bytes.Cut(text, []byte(" "))
	r, _ := parseID(name)
	return r
}

func parseID(b []byte) (r id, ok bool) {
	for i, p := range []*int{&r.life, &r.producer, &r.number} {
		part, rest, found := bytes.Cut(b, []byte("."))
		n, err := strconv.Atoi(string(part))
		if err != nil || n < 0 || found != (i < 2) {
			return id{}, false
		}
		*p, b = n, rest
	}
	return r, true
}
