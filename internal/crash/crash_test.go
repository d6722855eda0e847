// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestMain makes the test binary one that can be killed.
func TestMain(m *testing.M) {
	if o, ok := inLife(); ok {
		live(o) // does not return
	}
	os.Exit(m.Run())
}

func TestFault1And2And3And4AQueueInMemoryLosesNoMoreThanItHolds(t *testing.T) {
	kills := 12
	if testing.Short() {
		kills = 3
	}
	var out bytes.Buffer
	assert.NilError(t, run(&out, config{kills: kills, mode: memoryMode, seed: 7}), out.String())
	t.Log(out.String())
	assert.Assert(t, strings.Contains(out.String(), "total"))
}

func TestFault1And2And3And4And6And7ADurableQueueLosesNothing(t *testing.T) {
	kills := 12
	if testing.Short() {
		kills = 3
	}
	var out bytes.Buffer
	assert.NilError(t, run(&out, config{kills: kills, mode: durableMode, seed: 7}), out.String())
	t.Log(out.String())
}

// text returns the line of a record as format.JSON writes it.
func text(r id) string {
	return fmt.Sprintf(`{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"%s"}`, r.message())
}

func TestLedgerFindsWhatIsWrong(t *testing.T) {
	one, two, three := id{0, 1, 1}, id{0, 1, 2}, id{0, 1, 3}
	tests := []struct {
		name  string
		lines []string
		want  finding // with three records acknowledged
	}{
		{name: "all is well", lines: []string{text(one), text(two), text(three)}, want: finding{inFile: 3}},
		{name: "lost", lines: []string{text(one), text(three)}, want: finding{inFile: 2, lost: 1}},
		{name: "nothing there", want: finding{lost: 3}},
		{name: "twice", lines: []string{text(one), text(two), text(two), text(three)}, want: finding{inFile: 3, duplicated: 1}},
		{name: "thrice", lines: []string{text(one), text(two), text(three), text(one), text(one)}, want: finding{inFile: 3, duplicated: 2}},
		{
			name: "end torn off", lines: []string{text(one), text(two), text(three)[:len(text(three))-1]},
			want: finding{inFile: 2, lost: 1, torn: 1},
		},
		{
			name: "torn, and whole after it", lines: []string{text(one), text(two), text(three)[:80], text(three)},
			want: finding{inFile: 3, torn: 1},
		},
		{
			name: "two in a line", lines: []string{text(one)[:80] + text(two), text(three)},
			want: finding{inFile: 1, lost: 2, torn: 1},
		},
		{
			name: "hole in the middle", lines: []string{text(one), text(two)[:60] + "\x00" + text(two)[61:], text(three)},
			want: finding{inFile: 2, lost: 1, torn: 1},
		},
		{name: "out of order", lines: []string{text(two), text(one), text(three)}, want: finding{inFile: 3, disordered: 1}},
		{
			name:  "Handle had not returned",
			lines: []string{text(one), text(two), text(three), text(id{0, 1, 4})}, want: finding{inFile: 4, unreturned: 1},
		},
		{
			name:  "one that cannot have begun",
			lines: []string{text(one), text(two), text(three), text(id{0, 1, 4}), text(id{0, 1, 5})}, want: finding{inFile: 5, unreturned: 1, invented: 1},
		},
		{
			name:  "without the one before it",
			lines: []string{text(one), text(two), text(three), text(id{0, 1, 5})}, want: finding{inFile: 4, invented: 1},
		},
		{name: "before the first", lines: []string{text(id{0, 1, 0}), text(one), text(two), text(three)}, want: finding{inFile: 4, invented: 1}},
		{
			name:  "of no producer",
			lines: []string{text(one), text(two), text(three), text(id{0, 2, 1})}, want: finding{inFile: 4, invented: 1},
		},
		{name: "gap marker", lines: []string{text(one), text(two), `{"time":"x","level":"WARN","msg":"hydra: records"}`, text(three)}, want: finding{inFile: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLedger()
			l.acknowledge(0, 1, 3)
			for _, line := range tt.lines {
				l.line([]byte(line))
			}
			tt.want.acknowledged = 3
			assert.Equal(t, *l.judge()[0], tt.want)
			assert.Equal(t, l.stray, 0)
		})
	}
}

func TestTornLinesWithoutANameCount(t *testing.T) {
	l := newLedger()
	for _, line := range []string{"", "x", `{"time":"2026`, `{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"1.2`} {
		l.line([]byte(line))
	}
	assert.Equal(t, l.stray, 4)
	var out bytes.Buffer
	total, _ := tabulate(&out, nil, l, nil)
	assert.Equal(t, total.torn, 4)
}

func TestVerdictIsAnErrorForWhatMayNotHappen(t *testing.T) {
	tests := []struct {
		name  string
		mode  string
		total finding
		worst int
		left  []string
		want  string
	}{
		{name: "durable", mode: durableMode},
		{name: "durable, lost", mode: durableMode, total: finding{lost: 1}, want: "1 lost, 0 duplicated"},
		{name: "durable, twice", mode: durableMode, total: finding{duplicated: 2}, want: "2 duplicated"},
		{name: "durable, torn", mode: durableMode, total: finding{torn: 3}, want: "3 torn"},
		{name: "durable, out of order", mode: durableMode, total: finding{disordered: 4}, want: "4 disordered"},
		{name: "durable, nobody's", mode: durableMode, total: finding{invented: 5}, want: "5 invented"},
		{name: "durable, in hand", mode: durableMode, total: finding{unreturned: 6}},
		{name: "durable, left", mode: durableMode, left: []string{"x.bad"}, want: "files are left after recovery: [x.bad]"},
		{name: "memory", mode: memoryMode, total: finding{lost: 9, torn: 1}, worst: 9},
		{name: "memory, too many", mode: memoryMode, worst: 2 * queueRecords, want: "16384 lost at one death"},
		{name: "memory, twice", mode: memoryMode, total: finding{duplicated: 1}, want: "1 duplicated"},
		{name: "memory, nobody's", mode: memoryMode, total: finding{invented: 1}, want: "1 invented"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := verdict(&bytes.Buffer{}, tt.mode, tt.total, tt.worst, tt.left)
			if tt.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestTheTableIsByWayOfDying(t *testing.T) {
	l := newLedger()
	for life := range 3 {
		l.acknowledge(life, 0, 2)
		l.line([]byte(text(id{life, 0, 1})))
	}
	l.line([]byte(text(id{0, 0, 2})))
	l.line([]byte(text(id{0, 0, 2})))
	l.line([]byte(text(id{0, 0, 3}))) // Handle had not returned
	l.line([]byte(text(id{3, 0, 1}))) // there were three lives
	var out bytes.Buffer
	total, worst := tabulate(&out, []life{{way: "a"}, {way: "b"}, {way: "a"}}, l, map[int]int{0: 1, 1: 1, 2: 1})
	assert.Equal(t, worst, 1)
	assert.Equal(t, total, finding{acknowledged: 6, inFile: 5, recovered: 2, lost: 2, duplicated: 1, unreturned: 1, invented: 1})
	want := `  way of dying  kills  acknowledged  in file  recovered  lost  duplicated  torn  disordered  unreturned  invented
             a      2             4        4          2     1           1     0           0           1         0
             b      1             2        1          0     1           0     0           0           0         0
         total      3             6        5          2     2           1     0           0           1         1
`
	assert.Equal(t, out.String(), want)
}

func TestAMachineWithoutMemoryForQueuesKeepsNoFolderOfIt(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	_, _, err := folders(filepath.Join(temp, "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	left, err := os.ReadDir(temp)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

func TestFilesAreReadInTheOrderInWhichTheyWereWritten(t *testing.T) {
	dir := t.TempDir()
	names := []string{
		"app-20260102T030405.005Z.log", "app-20260102T030405.006Z.log", "app-20260102T030405.006Z-2.log",
		"app-20260102T030405.006Z-10.log", "app-20260102T030405.007Z.log", "app.log",
	}
	p := progress{offsets: make(map[string]int64), count: make(map[int]int)}
	for i, name := range names {
		line := text(id{0, 0, i + 1}) + "\n"
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(line+line[:40]), 0o600))
	}
	assert.NilError(t, p.read(dir))
	assert.NilError(t, os.Rename(filepath.Join(dir, names[5]), filepath.Join(dir, "app-20260102T030405.008Z.log")))
	assert.NilError(t, p.read(dir))
	assert.Equal(t, p.count[0], len(names), "no line is read twice, and none that is not whole")

	files, err := logFiles(dir)
	assert.NilError(t, err)
	l := newLedger()
	for _, path := range files {
		_, err := readLines(path, 0, true, l.line)
		assert.NilError(t, err)
	}
	assert.Equal(t, *l.judge()[0], finding{inFile: len(names), invented: len(names)})
	assert.Equal(t, l.stray, len(names))
}
