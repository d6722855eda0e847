// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package ring

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"gotest.tools/v3/assert"
)

// A view is what a later process finds.
type view struct {
	Batch string // its records, bytes, lead and ends
	Done  int
	Place string // of the intent, with what it is about
	State string
	Queue []string
}

func viewOf(o *Orphan) view {
	v := view{State: string(o.State())}
	if b := o.Batch(); b != nil {
		v.Batch, v.Done = fmt.Sprintf("%d-%d %q %v lead %d", b.First, b.Next, b.Bytes, b.Ends, b.Lead), b.Done
		if b.Intent != nil {
			v.Place = fmt.Sprintf("%d-%d %s", b.Intent.From, b.Intent.Upto, b.Intent.Place)
		}
	}
	_, v.Queue = queued(o, 256)
	return v
}

// TestFault1And5EveryInstantOfABatchIsTheOneBeforeOrTheOneAfter takes the file after each
// store of the consumer, and with some of the stores that lead to the next one, and
// recovers from it: there is always the state before the call or the one after it, whole.
func TestFault1And5EveryInstantOfABatchIsTheOneBeforeOrTheOneAfter(t *testing.T) {
	must := func(err error) { assert.NilError(t, err) }
	calls := []struct {
		name string
		do   func(q *rig)
		want view
	}{
		{"nothing", func(*rig) {}, view{"", 0, "", "", []string{"a", "b", "c", "d", "e", "f"}}},
		{
			"Begin", func(q *rig) { must(q.Begin(0, 2, []byte("gap|a|b|"), []int{4, 6, 8}, 4, []byte("one"))) },
			view{`0-2 "gap|a|b|" [4 6 8] lead 4`, 0, "", "one", []string{"c", "d", "e", "f"}},
		},
		{
			"Note", func(q *rig) { q.Note(0, 8, []byte("file 1")) },
			view{`0-2 "gap|a|b|" [4 6 8] lead 4`, 0, "0-8 file 1", "one", []string{"c", "d", "e", "f"}},
		},
		{
			"Done", func(q *rig) { q.Done(5) },
			view{`0-2 "gap|a|b|" [4 6 8] lead 4`, 5, "0-8 file 1", "one", []string{"c", "d", "e", "f"}},
		},
		{
			"second Note", func(q *rig) { q.Note(5, 8, []byte("file 2")) },
			view{`0-2 "gap|a|b|" [4 6 8] lead 4`, 5, "5-8 file 2", "one", []string{"c", "d", "e", "f"}},
		},
		{
			"Resume of less", func(q *rig) {
				must(q.Resume(0, 2, []byte("gap|a|"), []int{4, 6}, 4, []byte("two"), 5, &Intent{5, 6, []byte("file 2")}))
			},
			view{`0-2 "gap|a|" [4 6] lead 4`, 5, "5-6 file 2", "two", []string{"c", "d", "e", "f"}},
		},
		{
			"Resume of more", func(q *rig) {
				must(q.Resume(0, 3, []byte("gap|a|c|"), []int{4, 6, 8}, 4, nil, 5, &Intent{5, 6, []byte("file 2")}))
			},
			view{`0-3 "gap|a|c|" [4 6 8] lead 4`, 5, "5-6 file 2", "", []string{"d", "e", "f"}},
		},
		{
			"Note of a place that is too long", func(q *rig) { q.Note(6, 8, make([]byte, MaxPlace+1)) },
			view{`0-3 "gap|a|c|" [4 6 8] lead 4`, 5, "", "", []string{"d", "e", "f"}},
		},
		{
			"third Note", func(q *rig) { q.Note(6, 8, bytes.Repeat([]byte("x"), MaxPlace)) },
			view{`0-3 "gap|a|c|" [4 6 8] lead 4`, 5, "6-8 " + string(bytes.Repeat([]byte("x"), MaxPlace)), "", []string{"d", "e", "f"}},
		},
		{"End", func(q *rig) { q.End() }, view{"", 0, "", "", []string{"d", "e", "f"}}},
		{"Note of nothing", func(q *rig) { q.Note(0, 1, nil); q.Done(1); q.End() }, view{"", 0, "", "", []string{"d", "e", "f"}}},
		{
			"Begin after the end", func(q *rig) { must(q.Begin(4, 6, []byte("ef"), []int{1, 2}, 0, []byte("three"))) },
			view{`4-6 "ef" [1 2] lead 0`, 0, "", "three", nil},
		},
		{"End of all", func(q *rig) { q.End() }, view{"", 0, "", "three", nil}},
	}
	q := newRig(t, small)
	q.put("a", "b", "c", "d", "e", "f")
	random := rand.New(rand.NewPCG(1, 2))
	var before []byte
	var was view
	instants := 0
	for i, c := range calls {
		check := func(b []byte, what string) {
			instants++
			o := orphanOf(t, q.options, b)
			got := viewOf(o)
			assert.NilError(t, o.Remove())
			if !reflect.DeepEqual(got, was) && !reflect.DeepEqual(got, c.want) {
				t.Fatalf("%s, %s: got %+v, want %+v or %+v", c.name, what, got, was, c.want)
			}
		}
		if i == 0 {
			was = c.want
		}
		q.step = func() {
			now := bytes.Clone(q.image)
			check(now, "after a store")
			for range 10 {
				check(mix(random, before, now), "amid stores")
			}
			before = now
		}
		before = bytes.Clone(q.image)
		c.do(q)
		was = c.want // and not the one before any more
		check(q.image, "when it has returned")
	}
	assert.Assert(t, instants > 500, "got %d instants", instants)
}

// orphanOf makes an orphan of bytes.
func orphanOf(t testing.TB, options Options, b []byte) *Orphan {
	t.Helper()
	options.Dir = shm(t)
	return adopt(t, plant(t, options, b))
}

// mix returns a with some of the words in which b differs.
func mix(random *rand.Rand, a, b []byte) []byte {
	m := bytes.Clone(a)
	for at := 0; at < len(m); at += 8 {
		if random.IntN(2) == 0 {
			copy(m[at:at+8], b[at:at+8])
		}
	}
	return m
}

func TestFault6EveryInstantOfARecoveryRecovers(t *testing.T) {
	q := newRig(t, small)
	q.put("a", "b", "c", "d", "e")
	assert.NilError(t, q.Begin(0, 2, []byte("ab"), []int{1, 2}, 0, nil))
	q.Done(1)
	const want = "abcde"
	sunk := "a" // what the sink has
	first := q.crash(t)
	instants := 0
	look := func() {
		instants++
		o := orphanOf(t, q.options, first.image)
		got := sunk
		if b := o.Batch(); b != nil {
			got = sunk[:min(len(sunk), int(b.First)+b.Done)] + string(b.Bytes[b.Done:])
		}
		_, rest := queued(o, 256)
		for _, r := range rest {
			got += r
		}
		assert.Equal(t, got, want)
		assert.NilError(t, o.Remove())
	}
	first.step = look
	deliver := func(b []byte) {
		for i := range b {
			first.Done(i)
			sunk += string(b[i])
			first.Done(i + 1)
		}
		first.End()
	}
	rest := first.Batch().Bytes[first.Batch().Done:]
	sunk += string(rest)
	first.Done(2)
	first.End()
	for r := (Run{}); first.Take(&r, 2, 10); {
		assert.NilError(t, first.Begin(r.First, r.Next(), r.Bytes, r.Ends, 0, nil))
		deliver(r.Bytes)
	}
	assert.Equal(t, sunk, want)
	assert.Assert(t, instants > 20)
}
