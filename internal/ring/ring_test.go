// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A rig is the queue of a ring: it hands out tickets and positions as the real one does.
type rig struct {
	*Ring
	options  Options
	number   uint64
	position uint32
}

// newRig makes a ring in a directory of its own.
func newRig(t testing.TB, g Geometry) *rig {
	t.Helper()
	o := Options{Dir: shm(t), Name: "audit/1", Program: "test"}
	return rigIn(t, o, g)
}

func rigIn(t testing.TB, o Options, g Geometry) *rig {
	t.Helper()
	r, err := Create(o, g)
	assert.NilError(t, err)
	t.Cleanup(func() { r.Remove() })
	return &rig{Ring: r, options: o, number: g.First}
}

// shm returns a directory on tmpfs that is removed with the test.
func shm(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hydra-test-")
	if err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// claim hands out a ticket and a position for n bytes.
func (q *rig) claim(n int) (ticket, position uint32) {
	ticket, position = uint32(q.number)&ticketMask, q.position
	q.number++
	q.position = q.behind(q.position, n)
	return ticket, position
}

// put stores records.
func (q *rig) put(records ...string) {
	for _, p := range records {
		ticket, position := q.claim(len(p))
		q.Fill(ticket, position, []byte(p))
	}
}

// crash makes an orphan of what the file holds now, as if the process died here.
func (q *rig) crash(t testing.TB) *Orphan {
	t.Helper()
	o := q.options
	o.Dir = shm(t)
	return adopt(t, plant(t, o, q.image))
}

// plant stores bytes as a ring's file that nobody holds.
func plant(t testing.TB, o Options, b []byte) Options {
	t.Helper()
	name := filepath.Join(o.Dir, prefixOf(o)+strings.Repeat("0", 32)+ringEnding)
	assert.NilError(t, os.WriteFile(name, b, 0o600))
	return o
}

// adopt returns the only orphan that there is.
func adopt(t testing.TB, o Options) *Orphan {
	t.Helper()
	found, quarantined, err := Orphans(o)
	assert.NilError(t, err)
	assert.Equal(t, len(quarantined), 0, "%v", quarantined)
	assert.Equal(t, len(found), 1)
	q, err := found[0].Adopt()
	assert.NilError(t, err)
	t.Cleanup(func() { q.Leave() })
	return q
}

// queued returns the records that an orphan yields, in runs of at most so many bytes.
func queued(o *Orphan, most int) (numbers []uint64, records []string) {
	for r := (Run{}); o.Take(&r, most, 1000); {
		start := 0
		for i, end := range r.Ends {
			numbers = append(numbers, r.First+uint64(i))
			records = append(records, string(r.Bytes[start:end]))
			start = end
		}
	}
	return numbers, records
}

var small = Geometry{Data: 256, Slots: 8, Batch: 256, BatchRecords: 8}

func TestOrphanYieldsWhatWasFilled(t *testing.T) {
	for _, test := range []struct {
		name     string
		geometry Geometry
		records  []string
		want     []string
	}{
		{"nothing", small, nil, nil},
		{"one", small, []string{"a\n"}, []string{"a\n"}},
		{"as many as slots", small, strings.Split("abcdefgh", ""), strings.Split("abcdefgh", "")},
		{"all data", small, []string{strings.Repeat("x", 256)}, []string{strings.Repeat("x", 256)}},
		{"odd sizes", Geometry{Data: 33, Slots: 1, Batch: 1, BatchRecords: 1}, []string{strings.Repeat("y", 33)}, []string{strings.Repeat("y", 33)}},
		{
			"before tickets wrap",
			Geometry{Data: 256, Slots: 8, Batch: 64, BatchRecords: 4, First: 1<<30 - 2},
			[]string{"a", "b", "c", "d"},
			[]string{"a", "b", "c", "d"},
		},
		{
			"before halves wrap",
			Geometry{Data: 256, Slots: 8, Batch: 64, BatchRecords: 4, First: 5<<30 - 2},
			[]string{"a", "b", "c", "d"},
			[]string{"a", "b", "c", "d"},
		},
		{
			"more than slots: the oldest were dropped", small,
			[]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"},
			[]string{"b", "c", "d", "e", "f", "g", "h", "i"},
		},
		{
			"more than bytes: the oldest were dropped", small,
			[]string{strings.Repeat("1", 100), strings.Repeat("2", 100), strings.Repeat("3", 100)},
			[]string{strings.Repeat("2", 100), strings.Repeat("3", 100)},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := newRig(t, test.geometry)
			q.put(test.records...)
			o := q.crash(t)
			counts := o.Counts()
			numbers, got := queued(o, 50)
			assert.DeepEqual(t, got, test.want)
			lost := len(test.records) - len(test.want)
			for i, n := range numbers {
				assert.Equal(t, n, test.geometry.First+uint64(lost+i))
			}
			assert.Equal(t, counts.Records, len(test.want))
			assert.Equal(t, counts.Dropped, uint64(lost))
			assert.Equal(t, counts.Holes+counts.Damaged, uint64(0))
		})
	}
}

func TestOrphanCountsWhoDiedBeforeTheCallReturned(t *testing.T) {
	q := newRig(t, small)
	q.put("a", "b")
	q.claim(3) // nothing stored
	q.put("c")
	ticket, position := q.claim(3)
	copy(q.data[position:], "xyz") // the bytes, and not the tag
	q.slots[ticket&q.mask].sum = 4711
	q.put("d")
	q.claim(10)
	o := q.crash(t)
	numbers, got := queued(o, 256)
	assert.DeepEqual(t, got, []string{"a", "b", "c", "d"})
	assert.DeepEqual(t, numbers, []uint64{0, 1, 3, 5})
	assert.DeepEqual(t, o.Counts(), Counts{Records: 4, Bytes: 4, Holes: 2})
}

func TestOrphanTellsHolesFromDropsAtItsHead(t *testing.T) {
	q := newRig(t, small)
	q.claim(1)
	q.put("a", "b")
	o := q.crash(t)
	assert.DeepEqual(t, o.Counts(), Counts{Records: 2, Bytes: 2, Holes: 1})

	q.put("c", "d", "e", "f", "g") // the slot of the first is still its own
	o = q.crash(t)
	assert.DeepEqual(t, o.Counts(), Counts{Records: 7, Bytes: 7, Holes: 1})

	q.put("h", "i", "j") // which drop the first, "a" and "b"
	q.claim(1)           // and this one "c", whose slot it would have had
	q.put("k")           // and this one "d"
	o = q.crash(t)
	numbers, _ := queued(o, 1)
	assert.DeepEqual(t, numbers, []uint64{5, 6, 7, 8, 9, 10, 12})
	assert.DeepEqual(t, o.Counts(), Counts{Records: 7, Bytes: 7, Holes: 1, Dropped: 5})
}

func TestRecordsThatWrapAreWhole(t *testing.T) {
	for start := 180; start < 256; start++ {
		q := newRig(t, small)
		q.put(strings.Repeat("-", start))
		assert.NilError(t, q.Begin(0, 1, nil, nil, 0, nil))
		q.End()
		want := strings.Repeat("0123456789", 10)[:77]
		q.put(want)
		_, got := queued(q.crash(t), 1)
		assert.DeepEqual(t, got, []string{want})
		q.Remove()
	}
}

func TestBatchIsKeptAsTheSinkGetsIt(t *testing.T) {
	q := newRig(t, small)
	q.put("a", "b", "c")
	assert.NilError(t, q.Begin(0, 2, []byte("gap|a|b|"), []int{4, 6, 8}, 4, []byte("state")))
	q.Note(0, 8, []byte("file 7"))
	q.Done(4)
	q.Note(4, 8, []byte("file 8"))
	o := q.crash(t)
	assert.DeepEqual(t, o.Batch(), &Batch{
		First: 0, Next: 2, Bytes: []byte("gap|a|b|"), Ends: []int{4, 6, 8}, Lead: 4, Done: 4,
		Intent: &Intent{4, 8, []byte("file 8")},
	})
	assert.Equal(t, string(o.State()), "state")
	_, got := queued(o, 256)
	assert.DeepEqual(t, got, []string{"c"})

	q.End()
	o = q.crash(t)
	assert.Assert(t, o.Batch() == nil)
	assert.Equal(t, string(o.State()), "state")
	_, got = queued(o, 256)
	assert.DeepEqual(t, got, []string{"c"})
}

func TestBeginRefusesWhatIsTooLarge(t *testing.T) {
	q := newRig(t, Geometry{Data: 64, Slots: 8, Batch: 8, BatchRecords: 2})
	for _, test := range []struct {
		name  string
		bytes int
		ends  []int
		state int
		want  string
	}{
		{"bytes", 9, []int{9}, 0, "ring: a batch of 9 bytes is larger than Geometry.Batch, 8"},
		{"ends", 8, []int{1, 2, 8}, 0, "ring: a batch of 3 records is larger than Geometry.BatchRecords, 2"},
		{"state", 8, []int{8}, 129, "ring: a state of 129 bytes is longer than 128"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := q.Begin(0, 1, make([]byte, test.bytes), test.ends, 0, make([]byte, test.state))
			assert.Error(t, err, test.want)
		})
	}
	q.put("a")
	_, got := queued(q.crash(t), 1)
	assert.DeepEqual(t, got, []string{"a"}) // the head has not moved
}

func TestRingTellsWhereItComesFrom(t *testing.T) {
	q := newRig(t, small)
	q.put("a")
	assert.NilError(t, q.Leave())
	o := adopt(t, q.options)
	info := o.Info()
	assert.Equal(t, info.Name, "audit/1")
	assert.Equal(t, info.Program, "test")
	assert.Equal(t, info.PID, os.Getpid())
	assert.Assert(t, info.SameBoot && info.Left && info.Attempts == 1, "%+v", info)
	assert.Assert(t, !info.Started.IsZero() && info.Started.Before(info.Created), "%v %v", info.Started, info.Created)
	st, err := os.Stat(info.Path)
	assert.NilError(t, err)
	assert.Equal(t, st.Mode().Perm(), os.FileMode(0o600))
	assert.NilError(t, o.Remove())
	_, err = os.Stat(info.Path)
	assert.Assert(t, os.IsNotExist(err))
}

func TestRemoveAndLeaveReturnEverything(t *testing.T) {
	before := maps(t)
	dir := shm(t)
	for i := range 50 {
		r, err := Create(Options{Dir: dir, Name: "a", Program: "p"}, small)
		assert.NilError(t, err)
		r.Fill(0, 0, []byte("late"))
		if i%2 == 0 {
			assert.NilError(t, r.Leave())
			found, _, err := Orphans(Options{Dir: dir, Name: "a", Program: "p"})
			assert.NilError(t, err)
			o, err := found[0].Adopt() // which no cleanup of the test may keep reachable
			assert.NilError(t, err)
			assert.NilError(t, o.Remove())
		} else {
			assert.NilError(t, r.Remove())
		}
		r.Fill(1, 4, []byte("later")) // goes nowhere, and harms nobody
		assert.NilError(t, r.Remove())
	}
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
	for deadline := time.Now().Add(10 * time.Second); maps(t) > before+10; runtime.Gosched() {
		runtime.GC() // finds that nobody can reach them, and a goroutine gives them back
		if time.Now().After(deadline) {
			t.Fatalf("got %d mappings, want about the %d from before", maps(t), before)
		}
	}
	fds, err := os.ReadDir("/proc/self/fd")
	assert.NilError(t, err)
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(to, dir) {
			t.Errorf("%s is still open", to)
		}
	}
}

func maps(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	assert.NilError(t, err)
	return bytes.Count(b, []byte("\n"))
}

func TestGeometryIsChecked(t *testing.T) {
	for _, test := range []struct {
		name string
		g    Geometry
		want string
	}{
		{"no data", Geometry{0, 8, 1, 1, 0}, "ring: Geometry.Data: 0 bytes are not within 1 and 1610612736"},
		{"slots", Geometry{1, 7, 1, 1, 0}, "ring: Geometry.Slots: 7 is no power of two within 1 and 33554432"},
		{"batch", Geometry{1, 8, -1, 1, 0}, "ring: Geometry.Batch: -1 bytes are not within 1 and 1073741824"},
		{"records", Geometry{1, 8, 1, 0, 0}, "ring: Geometry.BatchRecords: 0 is not within 1 and 33554432"},
		{"all", Geometry{1 << 30, 1 << 25, 1 << 30, 1, 0}, "ring: Geometry: 2952802304 bytes are more than 2147479552"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Create(Options{Dir: shm(t), Name: "a"}, test.g)
			assert.Error(t, err, test.want)
		})
	}
}

func BenchmarkFill(b *testing.B) {
	for _, n := range []int{64, 200, 1000} {
		p := bytes.Repeat([]byte("x"), n)
		const size = 1 << 18
		b.Run(fmt.Sprintf("copy/%d", n), func(b *testing.B) {
			data := make([]byte, size)
			position := 0
			for b.Loop() {
				copy(data[position:], p)
				if position += n; position > size-n {
					position = 0
				}
			}
		})
		b.Run(fmt.Sprintf("fill/%d", n), func(b *testing.B) {
			q := newRig(b, Geometry{Data: size, Slots: 4096, Batch: 1, BatchRecords: 1})
			position, ticket := 0, uint32(0)
			for b.Loop() {
				q.Fill(ticket, uint32(position), p)
				ticket++
				if position += n; position > size-n {
					position = 0
				}
			}
		})
	}
}

func BenchmarkBegin(b *testing.B) {
	q := newRig(b, Geometry{Data: 1 << 20, Slots: 4096, Batch: 64 << 10, BatchRecords: 400})
	p := make([]byte, 60<<10)
	var ends []int
	for i := range 300 {
		ends = append(ends, 200*(i+1))
	}
	for n := uint64(0); b.Loop(); n += 300 {
		if err := q.Begin(n, n+300, p, ends, 0, nil); err != nil {
			b.Fatal(err)
		}
		q.End()
	}
}
