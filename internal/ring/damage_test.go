// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// A specimen is a ring with records in every state, and what is true of it.
type specimen struct {
	options Options
	bytes   []byte
	records map[uint64]string // queued
	batch   *Batch
}

func newSpecimen(t testing.TB) *specimen {
	t.Helper()
	q := newRig(t, Geometry{Data: 512, Slots: 16, Batch: 128, BatchRecords: 8})
	s := &specimen{records: make(map[uint64]string)}
	for range 20 { // more than a lap
		n := q.number
		q.put(strings.Repeat(string(rune('A'+n)), int(n)+3))
		assert.NilError(t, q.Begin(n, n+1, nil, nil, 0, []byte("state")))
		q.End()
	}
	for _, p := range []string{"in flight", "also in flight"} {
		q.put(p)
	}
	for _, p := range []string{"one\n", strings.Repeat("two ", 30), "three", "f", "fives", strings.Repeat("6", 64)} {
		s.records[q.number] = p
		q.put(p)
		if p == "f" {
			q.claim(20)
		}
	}
	assert.NilError(t, q.Begin(20, 22, []byte("in flight|also in flight|"), []int{10, 25}, 0, []byte("state")))
	q.Note(0, 25, []byte("somewhere"))
	q.Done(10)
	s.options, s.bytes = q.options, bytes.Clone(q.image)
	s.batch = s.adopt(t, s.bytes).Batch()
	assert.Equal(t, s.batch.Intent.Upto, 25)
	return s
}

// adopt returns the orphan that the bytes make, or nil if they are quarantined.
func (s *specimen) adopt(t testing.TB, b []byte) *Orphan {
	t.Helper()
	o := s.options
	o.Dir = shm(t)
	return adoptAny(t, plant(t, o, b))
}

// adoptAny returns the only orphan that there is, or nil if it was quarantined. Nothing
// else may come of it.
func adoptAny(t testing.TB, o Options) *Orphan {
	t.Helper()
	found, quarantined, err := Orphans(o)
	assert.NilError(t, err)
	var q *Orphan
	if len(found) == 1 {
		q, err = found[0].Adopt()
		var bad *QuarantineError
		if errors.As(err, &bad) {
			quarantined = append(quarantined, bad.Quarantined)
		} else {
			assert.NilError(t, err)
			t.Cleanup(func() { q.Remove() })
		}
	}
	for _, a := range quarantined {
		assert.Assert(t, strings.HasSuffix(a.Path, ".bad") && a.Reason != "", "%+v", a)
		_, err := os.Lstat(a.Path)
		assert.NilError(t, err, "deleted")
	}
	assert.Equal(t, len(quarantined) == 0, q != nil)
	return q
}

// check fails if what o yields is not true.
func (s *specimen) check(t testing.TB, what string, o *Orphan) (missing int) {
	t.Helper()
	lost := uint64(0)
	if b := o.Batch(); b == nil {
		lost += 2
	} else {
		assert.Equal(t, string(b.Bytes), string(s.batch.Bytes), what)
		assert.DeepEqual(t, b.Ends, s.batch.Ends)
		assert.Equal(t, b.Done, s.batch.Done, what)
		if b.Intent != nil {
			assert.DeepEqual(t, b.Intent, s.batch.Intent)
		}
	}
	numbers, records := queued(o, 100)
	for i, n := range numbers {
		assert.Equal(t, records[i], s.records[n], "%s: record %d", what, n)
		assert.Assert(t, i == 0 || n > numbers[i-1], what)
	}
	lost += uint64(len(s.records) - len(numbers))
	c := o.Counts()
	if told := c.Damaged + c.Dropped + c.Holes; told < lost {
		t.Fatalf("%s: %d records are missing, and %+v tells of %d", what, lost, c, told)
	}
	return int(lost)
}

func TestFault72EveryFlippedByteIsHarmless(t *testing.T) {
	s := newSpecimen(t)
	quarantined, lossy, whole := 0, 0, 0
	b := bytes.Clone(s.bytes)
	o := s.options
	o.Dir = shm(t)
	random := rand.New(rand.NewPCG(1, 2))
	for at := range b {
		if at%8 != 0 && at >= firstPart && allZero(s.bytes[at&^63:min(at&^63+64, len(b))]) {
			continue // nothing is kept there; one byte of eight will do
		}
		b[at] ^= 1 << random.IntN(8)
		if at%3 == 0 {
			b[at] = ^s.bytes[at]
		}
		plant(t, o, b)
		q := adoptAny(t, o)
		switch {
		case q == nil:
			quarantined++
			bad, _ := filepath.Glob(filepath.Join(o.Dir, "*.bad"))
			assert.Equal(t, len(bad), 1)
			assert.NilError(t, os.Remove(bad[0]))
		case s.check(t, "flipped", q) > 0:
			lossy++
		default:
			whole++
		}
		if q != nil {
			assert.NilError(t, q.Remove())
		}
		b[at] = s.bytes[at]
	}
	t.Logf("%d files quarantined, %d with records counted as lost, %d unharmed", quarantined, lossy, whole)
	assert.Assert(t, quarantined > 1000 && lossy > 200 && whole > 500)
	r, err := Create(o, small)
	assert.NilError(t, err)
	assert.NilError(t, r.Remove())
}

func allZero(p []byte) bool { return len(bytes.Trim(p, "\x00")) == 0 }

func TestFault72AnyDamageIsHarmless(t *testing.T) {
	s := newSpecimen(t)
	random := rand.New(rand.NewPCG(3, 4))
	for range 1500 {
		b := bytes.Clone(s.bytes)
		for range 1 + random.IntN(4) {
			at := random.IntN(len(b))
			if random.IntN(3) > 0 {
				at = []int{offStatus, offAccounts, offIntents, pageBytes, 2 * pageBytes, 3 * pageBytes}[random.IntN(6)] + random.IntN(300)
			}
			n := min(1<<random.IntN(10), len(b)-at)
			switch random.IntN(4) {
			case 0:
				clear(b[at : at+n])
			case 1:
				copy(b[at:at+n], b[random.IntN(len(b)-n):])
			case 2:
				for i := range n {
					b[at+i] = byte(random.Uint32())
				}
			default:
				b[at] ^= 1 << random.IntN(8)
			}
		}
		if o := s.adopt(t, b); o != nil {
			s.check(t, "damaged", o)
			assert.NilError(t, o.Remove())
		}
	}
}

func TestFault72ForeignFilesAreQuarantined(t *testing.T) {
	s := newSpecimen(t)
	head := func(off int, v uint64) []byte {
		b := bytes.Clone(s.bytes)
		m := image(b)
		m.store(off, v)
		m.store(offSum, sumOfLabel(m))
		return b
	}
	for _, test := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"empty", nil, "the file has 0 bytes, less than a head"},
		{"short", s.bytes[:pageBytes-1], "the file has 4095 bytes, less than a head"},
		{"only a head", s.bytes[:pageBytes], "the file has 4096 bytes instead of 16384"},
		{"cut", s.bytes[:len(s.bytes)-8], "the file has 16376 bytes instead of 16384"},
		{"longer", append(bytes.Clone(s.bytes), 0), "the file has 16385 bytes instead of 16384"},
		{"cut and made longer again", append(bytes.Clone(s.bytes[:len(s.bytes)-pageBytes]), make([]byte, pageBytes)...), "the file was cut"},
		{"text", bytes.Repeat([]byte("text\n"), 2000), "no ring: the magic number is missing"},
		{"version", head(offVersion, 2), "a ring of version 2, where only 1 can be read"},
		{"byte order", head(offOrder, 0x0807060504030201), "a ring of a machine with another byte order"},
		{"geometry", head(offSlots, 3), "impossible sizes: ring: Geometry.Slots: 3 is no power of two within 1 and 33554432"},
		{"huge", head(offData, 1<<62), "impossible sizes: ring: Geometry.Data: 2147483647 bytes are not within 1 and 1610612736"},
		{"another geometry", head(offData, 8192), "the file has 16384 bytes instead of 24576"},
		{"another salt", head(offSalt, 1), "the file was cut"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := s.options
			o.Dir = shm(t)
			plant(t, o, test.bytes)
			found, quarantined, err := Orphans(o)
			assert.NilError(t, err)
			for _, c := range found {
				_, err := c.Adopt()
				var bad *QuarantineError
				assert.Assert(t, errors.As(err, &bad), "%v", err)
				quarantined = append(quarantined, bad.Quarantined)
			}
			assert.Equal(t, len(quarantined), 1)
			assert.Equal(t, quarantined[0].Reason, test.want)
			assert.Equal(t, quarantined[0].Size, int64(len(test.bytes)))
			got, err := os.ReadFile(quarantined[0].Path)
			assert.NilError(t, err)
			if !bytes.Equal(got[:min(offAttempts, len(got))], test.bytes[:min(offAttempts, len(got))]) {
				t.Error("its bytes have changed")
			}
			r, err := Create(o, small)
			assert.NilError(t, err)
			assert.NilError(t, r.Remove())
		})
	}
}

func TestFault72ASymlinkOrSecondNameIsQuarantined(t *testing.T) {
	s := newSpecimen(t)
	for _, test := range []struct {
		name string
		make func(victim, name string) error
	}{
		{"symbolic link", os.Symlink},
		{"hard link", os.Link},
		{"directory", func(_, name string) error { return os.Mkdir(name, 0o700) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := s.options
			o.Dir = shm(t)
			victim := filepath.Join(o.Dir, "victim")
			assert.NilError(t, os.WriteFile(victim, s.bytes, 0o600))
			name := filepath.Join(o.Dir, prefixOf(o)+strings.Repeat("1", 32)+ringEnding)
			assert.NilError(t, test.make(victim, name))
			found, quarantined, err := Orphans(o)
			assert.NilError(t, err)
			assert.Equal(t, len(found), 0)
			assert.Equal(t, len(quarantined), 1)
			got, err := os.ReadFile(victim)
			assert.NilError(t, err)
			assert.Assert(t, bytes.Equal(got, s.bytes))
		})
	}
}

// TestFault73ARecordThatLooksLikeASlotIsARecord logs what lies in the file: slots with
// the right salt, heads and accounts, where they would be read if they were taken for
// such, and forges a slot that only its place gives away.
func TestFault73ARecordThatLooksLikeASlotIsARecord(t *testing.T) {
	q := newRig(t, Geometry{Data: 64 << 10, Slots: 16, Batch: 64, BatchRecords: 4})
	q.put("first")
	want := []string{"first"}
	for _, part := range [][]byte{q.image[:pageBytes], q.image[pageBytes : pageBytes+16*slotBytes], q.image[offAccounts:offIntents]} {
		p := string(part)
		q.put(p)
		q.claim(len(p)) // a hole behind it: nothing says what its bytes are
		want = append(want, p)
	}
	q.put("last")
	want = append(want, "last")
	o := q.crash(t)
	_, got := queued(o, 1<<16)
	assert.DeepEqual(t, got, want)
	assert.Equal(t, o.Counts().Holes, uint64(3))

	// A true slot, in the place of another, or with another salt, is none.
	for _, test := range []struct {
		name  string
		forge func(m image)
	}{
		{"moved", func(m image) { copy(m[pageBytes+8*slotBytes:], m[pageBytes:pageBytes+slotBytes]) }},
		{"another salt", func(m image) {
			at := pageBytes + 8*slotBytes
			copy(m[at:], m[pageBytes:pageBytes+slotBytes])
			m.store(at+16, m.load(at+16)^q.salt^4711^8<<32)
		}},
		{"its ticket", func(m image) {
			at := pageBytes + 8*slotBytes
			copy(m[at:], m[pageBytes:pageBytes+slotBytes])
			m.store(at+16, m.load(at+16)^8<<32)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := image(bytes.Clone(q.image))
			test.forge(m)
			o := orphanOf(t, q.options, m)
			_, got := queued(o, 1<<16)
			assert.DeepEqual(t, got, want)
			assert.Equal(t, o.Counts().Damaged, uint64(1))
		})
	}
}
