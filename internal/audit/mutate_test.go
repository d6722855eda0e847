// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package audit

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hydra-logger/hydra/internal/trail"
)

// A scene is files that several runs wrote to at the same time, one behind the other.
type scene struct {
	files [][]string
	rnd   *rand.Rand
}

// newScene returns a scene of up to three runs and three files. Every run has at
// least three lines and an end.
func newScene(rnd *rand.Rand) *scene {
	var runs []*stream
	for range 1 + rnd.IntN(3) {
		s := newStream(testKey).log(1)
		for range 1 + rnd.IntN(20) {
			switch rnd.IntN(6) {
			case 0:
				s.miss(rnd.IntN(3))
			default:
				s.log(1)
			}
		}
		runs = append(runs, s.log(1).end())
	}
	sc := &scene{rnd: rnd, files: make([][]string, 1+rnd.IntN(3))}
	for file := 0; len(runs) > 0; {
		if rnd.IntN(15) == 0 {
			file = min(file+1, len(sc.files)-1)
		}
		i := rnd.IntN(len(runs))
		sc.files[file] = append(sc.files[file], runs[i].lines[0])
		if runs[i].lines = runs[i].lines[1:]; len(runs[i].lines) == 0 {
			runs = slices.Delete(runs, i, i+1)
		}
	}
	rnd.Shuffle(len(sc.files), func(i, j int) { sc.files[i], sc.files[j] = sc.files[j], sc.files[i] })
	return sc
}

// pick returns a place in a file that holds a line of a kind.
func (s *scene) pick(ok func(trail.Mark) bool) (file, line int) {
	for range 10_000 {
		if file = s.rnd.IntN(len(s.files)); len(s.files[file]) == 0 {
			continue
		}
		line = s.rnd.IntN(len(s.files[file]))
		if ok(markOf(s.files[file][line])) {
			return file, line
		}
	}
	return -1, -1
}

func markOf(line string) trail.Mark {
	m, _, _ := trail.Parse([]byte(line))
	return m
}

func anyLine(trail.Mark) bool { return true }

// mutations are what may be done to files. Each returns false if it found nothing to
// do it to.
var mutations = []struct {
	name    string
	do      func(s *scene) bool
	unkeyed bool // it is found without the key, too
}{
	{name: "delete a record", unkeyed: true, do: func(s *scene) bool {
		return s.delete(func(m trail.Mark) bool { return m.Kind == trail.Line })
	}},
	{name: "delete a marker that has numbers", unkeyed: true, do: func(s *scene) bool {
		return s.delete(func(m trail.Mark) bool { return m.Kind == trail.Gap && m.Last >= m.First })
	}},
	{name: "delete a marker that has none", do: func(s *scene) bool {
		return s.delete(func(m trail.Mark) bool { return m.Kind == trail.Gap && m.Last < m.First })
	}},
	{name: "delete the end", unkeyed: true, do: func(s *scene) bool {
		return s.delete(func(m trail.Mark) bool { return m.Kind == trail.End })
	}},
	{name: "cut off the beginning of a run", unkeyed: true, do: func(s *scene) bool { return s.cut(true) }},
	{name: "cut off the end of a run", unkeyed: true, do: func(s *scene) bool { return s.cut(false) }},
	{name: "change a byte", do: func(s *scene) bool {
		file, line := s.pick(anyLine)
		text := []byte(s.files[file][line])
		at := s.rnd.IntN(len(text) - 1) // the line break apart
		text[at] ^= byte(1 + s.rnd.IntN(255))
		s.files[file][line] = string(text)
		return true
	}},
	{name: "duplicate a record", unkeyed: true, do: func(s *scene) bool {
		file, line := s.pick(func(m trail.Mark) bool { return m.Kind == trail.Line })
		copied := s.files[file][line]
		to := s.rnd.IntN(len(s.files))
		s.files[to] = slices.Insert(s.files[to], s.rnd.IntN(len(s.files[to])+1), copied)
		return true
	}},
	{name: "duplicate any line in place", do: func(s *scene) bool {
		file, line := s.pick(anyLine)
		s.files[file] = slices.Insert(s.files[file], line, s.files[file][line])
		return true
	}},
	{name: "swap two lines of a run", unkeyed: true, do: func(s *scene) bool {
		file, i := s.pick(func(m trail.Mark) bool { return m.Kind == trail.Line })
		id := markOf(s.files[file][i]).Run
		for j := i + 1; j < len(s.files[file]); j++ {
			if m := markOf(s.files[file][j]); m.Run == id && m.Kind == trail.Line {
				s.files[file][i], s.files[file][j] = s.files[file][j], s.files[file][i]
				return true
			}
		}
		return false
	}},
	{name: "insert a line without a trail", unkeyed: true, do: func(s *scene) bool {
		return s.insert("{\"msg\":\"foreign\"}\n")
	}},
	{name: "insert a line of an unknown run", unkeyed: true, do: func(s *scene) bool {
		return s.insert(newStream([]byte("another key of 24 bytes.")).log(1).lines[0])
	}},
	{name: "insert a record with a number that is free", unkeyed: true, do: func(s *scene) bool {
		_, end := s.pickFile(func(m trail.Mark) bool { return m.Kind == trail.End })
		forged := newStreamFrom(end)
		return s.insert(forged.log(1).lines[0])
	}},
	{name: "replace a marker by forged records", do: func(s *scene) bool {
		file, line := s.pick(func(m trail.Mark) bool { return m.Kind == trail.Gap && m.Last >= m.First })
		if file < 0 {
			return false
		}
		m := markOf(s.files[file][line])
		forged := newStream([]byte("another key of 24 bytes."))
		forged.State = trail.State{Run: m.Run, Next: m.First}
		forged.log(int(m.Last - m.First + 1))
		s.files[file] = slices.Replace(s.files[file], line, line+1, forged.lines...)
		return true
	}},
}

func (s *scene) delete(ok func(trail.Mark) bool) bool {
	file, line := s.pick(ok)
	if file >= 0 {
		s.files[file] = slices.Delete(s.files[file], line, line+1)
	}
	return file >= 0
}

func (s *scene) insert(text string) bool {
	file, line := s.pick(anyLine)
	s.files[file] = slices.Insert(s.files[file], line, text)
	return true
}

func (s *scene) pickFile(ok func(trail.Mark) bool) (file int, line string) {
	file, i := s.pick(ok)
	return file, s.files[file][i]
}

// cut takes away all lines of a run before one of its records, or from there on.
func (s *scene) cut(head bool) bool {
	_, text := s.pickFile(func(m trail.Mark) bool { return m.Kind == trail.Line && (m.First > 1 || !head) })
	border := markOf(text)
	for i := range s.files {
		s.files[i] = slices.DeleteFunc(s.files[i], func(line string) bool {
			m := markOf(line)
			if m.Run != border.Run {
				return false
			}
			return head == (m.First < border.First) && (head || m.First > border.First)
		})
	}
	return true
}

func TestEveryMutationIsFound(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			for done := 0; done < 100; {
				s := newScene(rnd)
				if got := read(t, testKey, s.files...); got.Verdict != Proven {
					t.Fatalf("seed %d: whole, got %s\n%s", seed, said(got), strings.Join(slices.Concat(s.files...), ""))
				}
				if !m.do(s) {
					continue
				}
				done++
				if got := read(t, testKey, s.files...); got.Verdict == Proven {
					t.Fatalf("seed %d: with the key, got %s\n%q", seed, said(got), s.files)
				}
				if got := read(t, nil, s.files...); m.unkeyed && got.Verdict == Proven {
					t.Fatalf("seed %d: without the key, got %s\n%q", seed, said(got), s.files)
				}
			}
		})
	}
}

func FuzzAuditor(f *testing.F) {
	s := newStream(testKey).log(2).miss(1).log(1).miss(0).end()
	f.Add([]byte(strings.Join(s.lines, "")), []byte(strings.Join(newStream(nil).log(1).end().lines, "")))
	f.Add([]byte("a trail=abcdEF01.9-99\nb trail=abcdEF01.end-5\nc trail=abcdEF01.5-4\n"), []byte("x\ny trail=abcdEF01.4611686018427387903\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"), []byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		for _, key := range [][]byte{nil, testKey} {
			a := New(key)
			for _, data := range [][]byte{one, two} {
				_ = a.Read("a", strings.NewReader(string(data))) // what it cannot read it says
			}
			for _, r := range a.Report().Runs {
				// Whatever was read, the account is exact.
				if r.First > 0 && !r.Ended && r.Last-r.First+1 != r.Lines+r.Told-r.Found+r.Missing {
					t.Errorf("got %+v", r)
				}
			}
		}
	})
}
