// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package audit

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/trail"
)

var testKey = []byte("0123456789abcdef")

// A stream is the lines that a chain made.
type stream struct {
	*trail.Chain
	lines []string
}

func newStream(key []byte) *stream { return &stream{Chain: trail.NewChain(key)} }

// log adds n records.
func (s *stream) log(n int) *stream {
	for range n {
		record := fmt.Appendf(nil, "{\"msg\":\"record %d\"}\n", s.Next)
		s.lines = append(s.lines, string(s.Line(nil, record, s.Next)))
	}
	return s
}

// miss adds a gap marker for n records.
func (s *stream) miss(n int) *stream {
	s.lines = append(s.lines, string(s.Gap(nil, []byte("{\"msg\":\"gap\"}\n"), s.Next+uint64(n)-1)))
	return s
}

// end adds the line that ends the run.
func (s *stream) end() *stream {
	s.lines = append(s.lines, string(s.End(nil, []byte("{\"msg\":\"end\"}\n"))))
	return s
}

// read audits files of these lines, called a, b and so on.
func read(t *testing.T, key []byte, files ...[]string) Report {
	t.Helper()
	a := New(key)
	for i, lines := range files {
		assert.NilError(t, a.Read(string(rune('a'+i)), strings.NewReader(strings.Join(lines, ""))))
	}
	return a.Report()
}

func cat(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// said returns what a report says of its runs and files, in a few words.
func said(r Report) string {
	var b strings.Builder
	word := func(name string, f Finding) {
		if f.Count > 0 {
			fmt.Fprintf(&b, " %s %d%v", name, f.Count, f.At)
		}
	}
	b.WriteString(string(r.Verdict))
	for _, run := range r.Runs {
		fmt.Fprintf(&b, "; %d..%d", run.First, run.Last)
		for _, n := range []struct {
			name  string
			count uint64
		}{{"lines", run.Lines}, {"told", run.Told}, {"found", run.Found}, {"missing", run.Missing}} {
			if n.count > 0 {
				fmt.Fprintf(&b, " %s %d", n.name, n.count)
			}
		}
		for _, h := range run.MissingAt {
			fmt.Fprintf(&b, " [%d-%d", h.First, h.Last)
			for _, p := range []*Place{h.After, h.Before} {
				if p != nil {
					fmt.Fprintf(&b, " %v", *p)
				}
			}
			b.WriteString("]")
		}
		word("twice", run.Twice)
		word("disorder", run.Disorder)
		word("after end", run.AfterEnd)
		word("forged", run.Forged)
		word("unkeyed", run.Unkeyed)
		word("unproven", run.Unproven)
		if run.Ended {
			b.WriteString(" ended")
		}
	}
	for _, f := range r.Files {
		word("bare", f.Bare)
		if f.Damage != "" {
			b.WriteString(" damaged: " + f.Damage)
		}
	}
	return b.String()
}

func TestAuditSaysWhatIsWrongAndWhere(t *testing.T) {
	full := newStream(testKey).log(3).miss(2).log(2).miss(0).log(1).end().lines // numbers 1-3, 4-5, 6-7, none, 8
	other := newStream(testKey).log(2).end().lines
	stranger := newStream([]byte("another key of 24 bytes.")).log(1).end().lines
	changed := strings.Replace(full[1], "record", "Record", 1)
	late := newStream(testKey).log(2)
	late.end().log(1).miss(1).end()
	bare := newStream(nil).log(2).end().lines
	for _, tt := range []struct {
		name         string
		files        [][]string
		plain, keyed string // without the key, and with it; "" means the same
	}{
		{"whole", [][]string{full}, "proven; 1..8 lines 6 told 2 ended", ""},
		{"two runs", [][]string{cat(full, other)}, "proven; 1..8 lines 6 told 2 ended; 1..2 lines 2 ended", ""},
		{
			"two runs at the same time",
			[][]string{cat(full[:2], other[:1], full[2:4], other[1:], full[4:])},
			"proven; 1..8 lines 6 told 2 ended; 1..2 lines 2 ended", "",
		},
		{"files in any order", [][]string{full[6:], full[:3], full[5:6], full[3:5]}, "proven; 1..8 lines 6 told 2 ended", ""},
		{
			"lines moved from file to file", // nothing says which file a line was in
			[][]string{cat(full[:1], full[4:5]), cat(full[1:4], full[5:])},
			"proven; 1..8 lines 6 told 2 ended", "",
		},
		{"an empty marker alone in its file", [][]string{full[:6], full[6:7], full[7:]}, "proven; 1..8 lines 6 told 2 ended", ""},
		{"nothing", [][]string{{}}, "unknown", ""},
		{"nothing with a trail", [][]string{{"a\n", "b\n"}}, "unknown bare 2[{a 1} {a 2}]", ""},
		{"a file without trails among others", [][]string{full, {"a\n"}}, "proven; 1..8 lines 6 told 2 ended bare 1[{b 1}]", ""},
		{
			"a line gone",
			[][]string{cat(full[:1], full[2:])},
			"broken; 1..8 lines 5 told 2 missing 1 [2-2 {a 1} {a 2}] ended",
			"broken; 1..8 lines 5 told 2 missing 1 [2-2 {a 1} {a 2}] unproven 1[{a 2}] ended",
		},
		{
			"a file gone",
			[][]string{full[:1], full[4:]},
			"broken; 1..8 lines 4 missing 4 [2-5 {a 1} {b 1}] ended",
			"broken; 1..8 lines 4 missing 4 [2-5 {a 1} {b 1}] unproven 1[{b 1}] ended",
		},
		{
			"a marker gone",
			[][]string{cat(full[:3], full[4:])},
			"broken; 1..8 lines 6 missing 2 [4-5 {a 3} {a 4}] ended",
			"broken; 1..8 lines 6 missing 2 [4-5 {a 3} {a 4}] unproven 1[{a 4}] ended",
		},
		{
			"an empty marker gone",
			[][]string{cat(full[:6], full[7:])},
			"proven; 1..8 lines 6 told 2 ended", "broken; 1..8 lines 6 told 2 forged 1[{a 7}] ended",
		},
		{
			"an empty marker gone between files",
			[][]string{full[:6], full[7:]},
			"proven; 1..8 lines 6 told 2 ended", "broken; 1..8 lines 6 told 2 forged 1[{b 1}] ended",
		},
		{
			"a line changed",
			[][]string{cat(full[:1], []string{changed}, full[2:])},
			"proven; 1..8 lines 6 told 2 ended", "broken; 1..8 lines 6 told 2 forged 1[{a 2}] ended",
		},
		{
			"the first line changed",
			[][]string{cat([]string{strings.Replace(full[0], "r", "R", 1)}, full[1:])},
			"proven; 1..8 lines 6 told 2 ended", "broken; 1..8 lines 6 told 2 forged 1[{a 1}] ended",
		},
		{
			"a line twice",
			[][]string{cat(full[:2], full[1:])},
			"broken; 1..8 lines 6 told 2 twice 1[{a 3}] disorder 1[{a 3}] ended",
			"broken; 1..8 lines 6 told 2 twice 1[{a 3}] disorder 1[{a 3}] unproven 1[{a 3}] ended",
		},
		{
			"a marker twice",
			[][]string{cat(full[:4], full[3:])},
			"broken; 1..8 lines 6 told 2 twice 2[{a 5}] disorder 1[{a 5}] ended",
			"broken; 1..8 lines 6 told 2 twice 2[{a 5}] disorder 1[{a 5}] unproven 1[{a 5}] ended",
		},
		{
			"an empty marker twice",
			[][]string{cat(full[:7], full[6:])},
			"proven; 1..8 lines 6 told 2 ended", "broken; 1..8 lines 6 told 2 forged 1[{a 8}] ended",
		},
		{
			"two lines swapped",
			[][]string{cat(full[:1], full[2:3], full[1:2], full[3:])},
			"broken; 1..8 lines 6 told 2 disorder 1[{a 3}] ended", "",
		},
		{
			"a file twice",
			[][]string{full, full},
			"broken; 1..8 lines 6 told 2 twice 8[{b 1} {b 5} {b 4}] after end 1[{b 9}] ended", "",
		},
		{
			"the beginning cut off",
			[][]string{full[2:]},
			"open; 3..8 lines 4 told 2 ended", "open; 3..8 lines 4 told 2 unproven 1[{a 1}] ended",
		},
		{"the end cut off", [][]string{full[:6]}, "open; 1..7 lines 5 told 2", ""},
		{"lines cut off before the end", [][]string{cat(full[:5], full[8:])}, "broken; 1..8 lines 4 told 2 missing 2 [7-8 {a 5} {a 6}] ended", "broken; 1..8 lines 4 told 2 missing 2 [7-8 {a 5} {a 6}] unproven 1[{a 6}] ended"},
		{
			"a line cut in half",
			[][]string{cat(full[:5], []string{full[5][:20]})},
			"broken; 1..6 lines 4 told 2 bare 1[{a 6}]", "",
		},
		{"a line cut off behind its trail", [][]string{{strings.TrimSuffix(full[0], "\n")}}, "unknown bare 1[{a 1}]", ""},
		{
			"lines behind the end",
			[][]string{late.lines},
			"broken; 1..4 lines 3 told 1 after end 3[{a 6} {a 4} {a 5}] ended", "",
		},
		{
			"foreign lines",
			[][]string{cat(full[:1], []string{"x\n"}, full[1:], []string{"\n", "y"})},
			"broken; 1..8 lines 6 told 2 ended bare 3[{a 2} {a 11} {a 12}]", "",
		},
		{
			"foreign run",
			[][]string{cat(full, stranger)},
			"proven; 1..8 lines 6 told 2 ended; 1..1 lines 1 ended",
			"broken; 1..8 lines 6 told 2 ended; 1..1 lines 1 forged 2[{a 10} {a 11}] ended",
		},
		{"run without MACs", [][]string{bare}, "proven; 1..2 lines 2 ended", "broken; 1..2 lines 2 unkeyed 3[{a 1} {a 2} {a 3}] ended"},
		{
			"records of the marker in a fallback",
			[][]string{full, newStreamFrom(full[2]).log(2).lines},
			"proven; 1..8 lines 8 told 2 found 2 ended", "",
		},
		{
			"a record of the marker that is not the fallback's",
			[][]string{full, forge(full[0], 4)},
			"proven; 1..8 lines 7 told 2 found 1 ended", "broken; 1..8 lines 7 told 2 found 1 forged 1[{b 1}] ended",
		},
		{
			"a record of the marker whose predecessor is not here",
			[][]string{full, newStreamFrom(full[2]).log(2).lines[1:]},
			"proven; 1..8 lines 7 told 2 found 1 ended", "open; 1..8 lines 7 told 2 found 1 unproven 1[{b 1}] ended",
		},
		{"a marker alone", [][]string{newStream(testKey).miss(0).lines}, "open; 0..0", ""},
		{"an end alone", [][]string{other[2:]}, "open; 0..2 ended", "open; 0..2 unproven 1[{a 1}] ended"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, said(read(t, nil, tt.files...)), tt.plain)
			if tt.keyed == "" {
				tt.keyed = tt.plain
			}
			assert.Equal(t, said(read(t, testKey, tt.files...)), tt.keyed, "with the key")
		})
	}
}

// Three lines without a MAC, of ranges that make all findings together 2^64, which a
// sum would take for nothing.
func TestChosenRangesDoNotHideAFinding(t *testing.T) {
	s := newStream(testKey).log(5).end() // 1-5
	s.lines[1] = strings.Replace(s.lines[1], "record", "Record", 1)
	const most = 1<<62 - 1
	for _, last := range []uint64{most, most, 1<<61 + 11} {
		s.lines = append(s.lines, fmt.Sprintf("x trail=%s.6-%d\n", s.Run, last))
	}
	assert.Equal(t, read(t, testKey, s.lines).Verdict, Broken)
	assert.Equal(t, read(t, nil, s.lines).Verdict, Broken)

	for range 20 { // more than a counter holds
		s.lines = append(s.lines, fmt.Sprintf("x trail=%s.6-%d\n", s.Run, uint64(most)))
	}
	run := read(t, nil, s.lines).Runs[0]
	assert.Equal(t, run.Twice.Count, uint64(math.MaxUint64))
	assert.Equal(t, run.AfterEnd.Count, uint64(math.MaxUint64))
}

// forge returns a line of a run, without knowing the key.
func forge(line string, number uint64) []string {
	m, _, _ := trail.Parse([]byte(line))
	return []string{fmt.Sprintf("forged trail=%s.%d.AAAAAAAAAAAAAAAAAAAAAA\n", m.Run, number)}
}

// newStreamFrom returns a stream that goes on behind a line.
func newStreamFrom(line string) *stream {
	s := newStream(testKey)
	m, _, _ := trail.Parse([]byte(line))
	s.State = trail.State{Run: m.Run, Next: m.Next(), MAC: m.MAC}
	return s
}

func TestRecordsOfSeveralLinesAreProvenWithTheKey(t *testing.T) {
	s := newStream(testKey)
	for range 3 {
		s.lines = append(s.lines, string(s.Line(nil, []byte("message\n  at a\n  at b\n"), s.Next)))
	}
	s.end()
	assert.Equal(t, said(read(t, testKey, s.lines)), "proven; 1..3 lines 3 ended")
	assert.Equal(t, said(read(t, testKey, s.lines[:1], s.lines[1:])), "proven; 1..3 lines 3 ended", "in two files")
	// Without it nobody can know whose they are.
	assert.Equal(t, said(read(t, nil, s.lines)),
		"broken; 1..3 lines 3 ended bare 6[{a 1} {a 2} {a 4} {a 5} {a 7} {a 8}]")
	s.lines[1] = strings.Replace(s.lines[1], "at a", "at c", 1)
	assert.Equal(t, said(read(t, testKey, s.lines)), "broken; 1..3 lines 3 forged 1[{a 6}] ended bare 2[{a 4} {a 5}]")
	assert.Equal(t, said(read(t, testKey, s.lines[1:])), "broken; 2..3 lines 2 unproven 1[{a 3}] ended bare 2[{a 1} {a 2}]")
}

func TestCompressedFilesAreReadAndDamageIsFound(t *testing.T) {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, err := w.Write([]byte(strings.Join(newStream(testKey).log(5000).end().lines, "")))
	assert.NilError(t, err)
	assert.NilError(t, w.Close())
	whole := compressed.Bytes()
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"whole", whole, "proven; 1..5000 lines 5000 ended"},
		{"two in a row", append(bytes.Clone(whole), whole...), "broken"},
		{"cut off", whole[:len(whole)-20], "broken"},
		{"head alone", whole[:5], "broken damaged: unexpected EOF"},
		{"something behind", append(bytes.Clone(whole), 1, 2, 3), "broken; 1..5000 lines 5000 ended damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := New(testKey)
			assert.NilError(t, a.Read("a.gz", bytes.NewReader(tt.data)))
			got := said(a.Report())
			assert.Assert(t, strings.HasPrefix(got, tt.want), got)
		})
	}
	err = New(nil).Read("a.zst", strings.NewReader("\x28\xb5\x2f\xfd..."))
	assert.ErrorContains(t, err, "decompress it, as with zstd -dc FILE | hydra audit -")
}

func TestLongLines(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		want string
	}{
		{"longer than a buffer", 200_000, "proven; 1..3 lines 3 ended"},
		{"as long as a record can be", 16<<20 - 100, "proven; 1..3 lines 3 ended"},
		{"longer", 40 << 20, "broken; 1..3 lines 2 missing 1 [2-2 {a 1} {a 3}] unproven 1[{a 3}] ended bare 1[{a 2}]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStream(testKey).log(1)
			s.lines = append(s.lines, string(s.Line(nil, append(bytes.Repeat([]byte("x"), tt.n), '\n'), 2)))
			assert.Equal(t, said(read(t, testKey, s.log(1).end().lines)), tt.want)
		})
	}
}

func TestWrongKeyIsFoundInAFileOfAnyLength(t *testing.T) {
	s := newStream([]byte("another key of 24 bytes.")).log(maxHeads + 1000).end()
	r := read(t, testKey, s.lines[:500], s.lines[500:])
	assert.Equal(t, r.Verdict, Broken)
	assert.Equal(t, r.Runs[0].Forged.Count, uint64(maxHeads+1001))
	assert.Equal(t, r.Runs[0].Missing, uint64(0))
}

func TestFindingsAreBounded(t *testing.T) {
	s := newStream(testKey)
	for range 1000 {
		s.log(1)
		s.miss(1)
		s.lines = s.lines[:len(s.lines)-1]
	}
	r := read(t, testKey, s.lines)
	assert.Equal(t, r.Runs[0].Missing, uint64(999)) // the last one is behind the last line
	assert.Equal(t, len(r.Runs[0].MissingAt), maxPlaces)
	assert.Equal(t, r.Runs[0].Unproven.Count, uint64(999))
	assert.Equal(t, len(r.Runs[0].Unproven.At), maxPlaces)

	a := New(nil)
	for range maxRuns {
		a.runs[trail.NewRun()] = &run{}
	}
	assert.Equal(t, a.Read("a", strings.NewReader(s.lines[0])), errTooMany)
	a = New(testKey)
	a.kept = maxKept
	assert.Equal(t, a.Read("a", strings.NewReader(s.lines[0])), errTooMany)
}
