// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

// A ledger holds what was acknowledged against what is in the files.
type ledger struct {
	acked map[producer]int // the number of the last record whose Handle returned nil
	seen  map[producer]*set
	last  map[producer]int // the number that was read last
	found map[int]*finding // by life
	stray int              // torn lines that do not tell whose they are
	told  int              // lines of hydra itself
}

// A producer is one goroutine of one life.
type producer struct{ life, producer int }

// A finding is what became of the records of one life, or of several.
type finding struct {
	acknowledged, inFile, recovered    int
	lost, duplicated, torn, disordered int
	unreturned                         int // in a file, and its producer died before Handle returned
	invented                           int // in a file, and nobody can have logged it
}

func (f *finding) add(o finding) {
	f.acknowledged += o.acknowledged
	f.inFile += o.inFile
	f.recovered += o.recovered
	f.lost += o.lost
	f.duplicated += o.duplicated
	f.torn += o.torn
	f.disordered += o.disordered
	f.unreturned += o.unreturned
	f.invented += o.invented
}

func newLedger() *ledger {
	return &ledger{
		acked: make(map[producer]int), seen: make(map[producer]*set),
		last: make(map[producer]int), found: make(map[int]*finding),
	}
}

// acknowledge notes that Handle returned nil for the records of a producer up to n.
func (l *ledger) acknowledge(life, by, n int) { l.acked[producer{life, by}] = n }

// line reads one line of the files, which come in the order in which they were
// written.
func (l *ledger) line(line []byte) {
	k, r := parse(line)
	switch k {
	case marker:
		l.told++
		return
	case torn:
		if r == (id{}) {
			l.stray++
		} else {
			l.of(r.life).torn++
		}
		return
	}
	p := producer{r.life, r.producer}
	if l.seen[p] == nil {
		l.seen[p] = &set{}
	}
	if !l.seen[p].add(r.number) {
		l.of(r.life).duplicated++
		return
	}
	if r.number < l.last[p] {
		l.of(r.life).disordered++
	}
	l.last[p] = r.number
}

// judge returns what became of the records of each life. It is the last call.
func (l *ledger) judge() map[int]*finding {
	for p, s := range l.seen {
		f := l.of(p.life)
		f.inFile += s.len
		n, known := l.acked[p]
		surplus := s.len - s.upTo(n)
		if known && s.has(n+1) {
			f.unreturned++
			surplus--
		}
		f.invented += surplus
	}
	for p, n := range l.acked {
		f := l.of(p.life)
		f.acknowledged += n
		if s := l.seen[p]; s != nil {
			f.lost += n - s.upTo(n)
		} else {
			f.lost += n
		}
	}
	return l.found
}

func (l *ledger) of(life int) *finding {
	if l.found[life] == nil {
		l.found[life] = &finding{}
	}
	return l.found[life]
}

// A set is a set of small numbers.
type set struct {
	words []uint64
	len   int
}

// add reports whether n is new.
func (s *set) add(n int) bool {
	for n/64 >= len(s.words) {
		s.words = append(s.words, 0)
	}
	bit := uint64(1) << (n % 64)
	if s.words[n/64]&bit != 0 {
		return false
	}
	s.words[n/64] |= bit
	s.len++
	return true
}

// has reports whether n is in it.
func (s *set) has(n int) bool { return n/64 < len(s.words) && s.words[n/64]&(1<<(n%64)) != 0 }

// upTo returns how many of the numbers from 1 to n are in it.
func (s *set) upTo(n int) int {
	count := 0
	for i := 1; i <= n && i/64 < len(s.words); i++ {
		if s.has(i) {
			count++
		}
	}
	return count
}
