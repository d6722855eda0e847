// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package trail

import (
	"bytes"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestChainGoesOnFromWhereItIsSet(t *testing.T) {
	for _, key := range [][]byte{nil, testKey} {
		c := NewChain(key)
		one := c.Line(nil, []byte("one\n"), 1)
		gap := c.Gap(nil, []byte("gap\n"), 4)
		behind := c.State
		five := c.Line(nil, []byte("five\n"), 5)
		c.End(nil, []byte("end\n"))
		assert.Equal(t, c.Next, uint64(6))

		c.Return(gap)
		assert.Equal(t, c.State, behind)
		assert.DeepEqual(t, c.Line(nil, []byte("five\n"), 5), five)
		c.Return([]byte("no line of the chain\n"))
		assert.Equal(t, c.Next, uint64(6), "moves nowhere")
		c.Return(one)
		assert.DeepEqual(t, c.Gap(nil, []byte("gap\n"), 4), gap)
	}
}

func TestChainGoesOnInALaterProcess(t *testing.T) {
	other := []byte("another key, of some length")
	for _, tt := range []struct {
		name       string
		key, later []byte
		same       bool
	}{
		{"no key", nil, nil, true},
		{"the same key", testKey, bytes.Clone(testKey), true},
		{"another key", testKey, other, false},
		{"a key of late", nil, testKey, false},
		{"no key any more", testKey, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewChain(tt.key)
			c.Line(nil, []byte("one\n"), 1)
			kept := c.AppendKept([]byte("x"))
			assert.Equal(t, len(kept), 1+KeptSize)
			later, same, err := Resume(kept[1:], tt.later)
			assert.NilError(t, err)
			assert.Equal(t, same, tt.same)
			assert.Equal(t, later.State, c.State)
			if same {
				assert.DeepEqual(t, later.AppendKept(nil), kept[1:])
				assert.DeepEqual(t, later.Line(nil, []byte("two\n"), 2), c.Line(nil, []byte("two\n"), 2))
			}
		})
	}
}

func TestWhatIsNoChainIsNotResumed(t *testing.T) {
	kept := NewChain(testKey).AppendKept(nil)
	change := func(at int, to byte) []byte {
		p := bytes.Clone(kept)
		p[at] = to
		return p
	}
	for name, p := range map[string][]byte{
		"nothing": nil, "short": kept[1:], "long": append(bytes.Clone(kept), 0),
		"no run": change(3, '-'), "no number": change(8, 0), "a number that is too large": change(15, 0x40),
	} {
		_, _, err := Resume(p, testKey)
		assert.ErrorIs(t, err, errNotKept, name)
	}
}

func TestGapMarkerNeverGoesBack(t *testing.T) {
	c := NewChain(nil)
	c.Next = 7
	assert.Assert(t, bytes.HasSuffix(c.Gap(nil, []byte("a\n"), 3), []byte(".7-6\n")))
	assert.Assert(t, bytes.HasSuffix(c.Gap(nil, []byte("a\n"), 7), []byte(".7-7\n")))
	assert.Assert(t, bytes.HasSuffix(c.End(nil, []byte("a\n")), []byte(".end-7\n")))
}

func TestPartsMakeTheSameMACs(t *testing.T) {
	k := NewKey(testKey)
	before := k.Start(NewRun())
	want := k.Link([]byte("a\nb trail="), before)
	p := k.Part().With([]byte("a\n"))
	whole := p.With([]byte("b trail="))
	assert.Equal(t, whole.Link(before), want)
	assert.Equal(t, whole.Link(before), want, "asked again")
	assert.Assert(t, p.Link(before) != want)
}

func BenchmarkChain(b *testing.B) {
	record := []byte(`{"time":"2026-11-23T20:47:22.953889398Z","msg":"` + strings.Repeat("x", 149) + "\"}\n")
	for _, bb := range []struct {
		name string
		key  []byte
	}{{"numbers", nil}, {"key", testKey}} {
		b.Run(bb.name, func(b *testing.B) {
			c := NewChain(bb.key)
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = c.Line(dst[:0], record, c.Next)
			}
		})
	}
}
