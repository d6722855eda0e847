// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestEveryFaultHasATestOrAReason(t *testing.T) {
	root, err := moduleRoot()
	assert.NilError(t, err)
	faults, err := readFaults(filepath.Join(root, document))
	assert.NilError(t, err)
	tests, err := findTests(root)
	assert.NilError(t, err)
	assert.NilError(t, agree(faults, tests))
}

func TestDisagreementsAreNamed(t *testing.T) {
	tests := []struct {
		name  string
		fault fault
		tests []string
		want  string
	}{
		{name: "tested", fault: fault{number: 7}, tests: []string{"TestFault7X"}},
		{name: "tested with others", fault: fault{number: 7}, tests: []string{"FuzzFault7And7X"}},
		{name: "reason", fault: fault{number: 7, reason: "r"}},
		{name: "neither", fault: fault{number: 7, name: "n"}, want: `fault 7, n: no test bears its number; write one, or "Not tested: " and why in docs/FAULTS.md`},
		{name: "both", fault: fault{number: 7, name: "n", reason: "r"}, tests: []string{"TestFault7X"}, want: "fault 7, n: has tests; remove"},
		{name: "unknown", fault: fault{number: 7}, tests: []string{"TestFault7And8X"}, want: "TestFault7And8X: fault 8 is not in"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := agree([]fault{tt.fault}, tt.tests)
			if tt.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestFaultsAreTheNumberedRowsOfTheDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "FAULTS.md")
	write := func(text string) { assert.NilError(t, os.WriteFile(path, []byte(text), 0o600)) }
	write("# x\n\n| # | Fault | does |\n| --- | --- | --- |\n| 12 | b | c |\n| 3 | d e | f. Not tested: why. |\n")
	got, err := readFaults(path)
	assert.NilError(t, err)
	want := []fault{{number: 3, name: "d e", reason: "why."}, {number: 12, name: "b"}}
	assert.Equal(t, len(got), len(want))
	for i := range want {
		assert.Equal(t, got[i], want[i])
	}
	write("| 3 | a | b |\n| 3 | c | d |\n")
	_, err = readFaults(path)
	assert.ErrorContains(t, err, "number 3 is there twice")
	write("nothing")
	_, err = readFaults(path)
	assert.ErrorContains(t, err, "no row of a table")
}

func TestReportTellsWhatRanAndWhy(t *testing.T) {
	const events = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestFault1A","Output":"=== RUN   TestFault1A\n"}
{"Action":"output","Package":"p","Test":"TestFault1A","Output":"    a_test.go:12: no mount: permission\n"}
{"Action":"output","Package":"p","Test":"TestFault1A","Output":"--- SKIP: TestFault1A (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestFault1A"}
{"Action":"pass","Package":"p","Test":"TestFault2And3B"}
{"Action":"output","Package":"p","Test":"TestFault3C/part","Output":"    a_test.go:7: not here\n"}
{"Action":"skip","Package":"p","Test":"TestFault3C/part"}
{"Action":"pass","Package":"p","Test":"TestFault3C"}
{"Action":"output","Package":"p","Test":"TestFault4D","Output":"    a_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestFault4D"}
{"Action":"fail","Package":"p"}
`
	var log, table bytes.Buffer
	results, err := collect(strings.NewReader(events), &log)
	assert.ErrorContains(t, err, "failed: p TestFault4D, p")
	assert.Equal(t, log.String(), "    a_test.go:9: got 1, want 2\n")
	report(&table, []fault{{1, "a", ""}, {2, "b", ""}, {3, "c", ""}, {4, "d", ""}, {5, "e", "why"}, {6, "f", ""}}, results)
	want := `fault  result       tests  
1      skipped      0      a
                             TestFault1A skipped: no mount: permission
2      ran          1      b
3      ran in part  2      c
                             TestFault3C/part skipped: not here
4      FAILED       0      d
                             TestFault4D failed
5      not tested   0      e
                             why
6      skipped      0      f
                             its tests are not for this system
6 faults: 2 ran, 2 skipped, 1 failed, 1 not tested
`
	assert.Equal(t, table.String(), want)
}
