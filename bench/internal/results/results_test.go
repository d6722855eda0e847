// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package results

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/bench"
)

const raw = `goos: linux
cpu: some processor
go: go1.26.8
pkg: example.com/bench
BenchmarkThree/floor-2           1000   400 ns/op   0 B/op
BenchmarkThree/slog-2            1000  4000 ns/op   0 lost/op
BenchmarkThree/phuslu-slog-2     1000  1000 ns/op   0 lost/op
BenchmarkThree/slog+bufio-2      1000   500 ns/op   0 lost/op
BenchmarkThree/zap-2             1000   450 ns/op   0 lost/op
BenchmarkThree/hydra-2           1000   600 ns/op   0 lost/op
PASS
goos: linux
BenchmarkThree/floor-2           1000   402 ns/op
BenchmarkThree/phuslu-slog-2     1000  1200 ns/op   0 lost/op
BenchmarkThree/slog+bufio-2      1000   500 ns/op   0.25 lost/op
BenchmarkThree/hydra-2           1000   700 ns/op   0 lost/op
BenchmarkThree/hydra-2           1000   640 ns/op   0.001 lost/op
BenchmarkPipeline/goroutines=8/floor-2  1000  4e+06 records/s  400 cpu-ns/op
BenchmarkPipeline/goroutines=8/slog-2   1000  250000 records/s  4000 cpu-ns/op  0 lost/op
BenchmarkPipeline/goroutines=8/phuslu-slog+slab-2  1000  1e+06 records/s  900 cpu-ns/op  0 lost/op
BenchmarkPipeline/goroutines=8/hydra+block-2  1000  2e+06 records/s  800 cpu-ns/op  0 lost/op
ok   example.com/bench  3.000s
`

func read(t *testing.T) *Set {
	t.Helper()
	var s Set
	assert.NilError(t, s.Read(strings.NewReader(raw)))
	return &s
}

func TestReadKeepsTheOrderAndEveryRound(t *testing.T) {
	s := read(t)
	assert.DeepEqual(t, s.Config, []string{"goos: linux", "cpu: some processor", "go: go1.26.8"})
	assert.Equal(t, len(s.Rows), 2)
	assert.Equal(t, s.Rows[1].Name, "Pipeline/goroutines=8")
	tests := []struct {
		row, stack, unit string
		want             float64
	}{
		{"Three", "floor", "ns/op", 401},
		{"Three", "hydra", "ns/op", 640},
		{"Three", "phuslu-slog", "ns/op", 1100},
		{"Pipeline/goroutines=8", "floor", "records/s", 4e6},
	}
	for _, tt := range tests {
		got, ok := s.Row(tt.row).Cell(tt.stack).Median(tt.unit)
		assert.Assert(t, ok, "%s %s", tt.row, tt.stack)
		assert.Equal(t, got, tt.want, "%s %s", tt.row, tt.stack)
	}
}

func TestTheBestPeerIsASlogStackThatLostNothing(t *testing.T) {
	s := read(t)
	// slog+bufio lost records in one round, zap is not slog, hydra no peer.
	assert.Equal(t, s.Row("Three").Best("ns/op", bench.Slog).Stack, "phuslu-slog")
	assert.Equal(t, s.Row("Pipeline/goroutines=8").Best("records/s", bench.Slog).Stack, "phuslu-slog+slab")
}

func TestAPeerWithAnAPIOfItsOwnIsShownEvenWhereItIsAhead(t *testing.T) {
	assert.Assert(t, strings.Contains(read(t).Markdown("calls"), "| zap 450 (1.12×) | 640 (1.60×)"), "%s", read(t).Markdown("calls"))
}

func TestATornResultIsAnErrorAndNotARoundLess(t *testing.T) {
	for _, line := range []string{
		"BenchmarkThree/zerolog+diode-2  2026/11/26 10:00:00 Diode set collision: consider a larger diode",
		"BenchmarkThree/zerolog+diode-2  1000  Diode set collision",
		"BenchmarkThree/zerolog+diode-2  1000  400 ns/op  0 Diode set",
		"BenchmarkThree/zerolog+diode-2  1000",
	} {
		var s Set
		assert.ErrorContains(t, s.Read(strings.NewReader(line+"\n")), "torn result", line)
	}
	var s Set
	assert.NilError(t, s.Read(strings.NewReader("BenchmarkThree\nBenchmarkThree/floor\n"))) // go test -v
	assert.Equal(t, len(s.Rows), 0)
}

func TestARatioSaysHowMuchMoreItCosts(t *testing.T) {
	s := read(t)
	r := s.Row("Three")
	assert.Equal(t, Ratio(r.Cell("phuslu-slog"), r.Cell("floor"), "ns/op"), "2.74×")
	r = s.Row("Pipeline/goroutines=8")
	assert.Equal(t, Ratio(r.Cell("hydra+block"), r.Cell("phuslu-slog+slab"), "records/s"), "0.50×")
	assert.Equal(t, Ratio(r.Cell("hydra+block"), r.Cell("absent"), "records/s"), "–")
}

func TestLossesShow(t *testing.T) {
	s := read(t)
	assert.Assert(t, strings.Contains(s.Markdown("calls"), "640 (1.60×), up to 0.1 % lost"), "%s", s.Markdown("calls"))
	assert.Equal(t, percent(1e-9), "<0.01 %")
	assert.Equal(t, percent(0), "0")
	assert.Equal(t, percent(1), "100 %")
}

func TestFill(t *testing.T) {
	s := read(t)
	document := "a\n<!-- bench:calls -->\nold\n<!-- /bench:calls -->\nb\n<!-- bench:pipeline -->\n<!-- /bench:pipeline -->\nc\n"
	filled, err := s.Fill(document)
	assert.NilError(t, err)
	for _, want := range []string{"a\n<!-- bench:calls -->\n| a log call", "<!-- /bench:calls -->\nb\n", "2.00 M; 800 ns", "<!-- /bench:pipeline -->\nc\n"} {
		assert.Assert(t, strings.Contains(filled, want), "got %s, want %s", filled, want)
	}
	assert.Assert(t, !strings.Contains(filled, "old"), "%s", filled)

	again, err := s.Fill(filled)
	assert.NilError(t, err)
	assert.Equal(t, again, filled)

	for _, document := range []string{
		"no markers",
		"<!-- bench:calls -->\nno end",
		"<!-- bench:stall -->\n<!-- /bench:stall -->", // not measured
	} {
		_, err := s.Fill(document)
		assert.Assert(t, err != nil, "%s", document)
	}

	var empty Set
	got, err := empty.Fill("no markers")
	assert.NilError(t, err)
	assert.Equal(t, got, "no markers")
}

func TestChartIsWellFormed(t *testing.T) {
	chart := read(t).Chart()
	assert.Assert(t, strings.Index(chart, ">phuslu-slog<") < strings.Index(chart, ">slog+bufio<"), "the latter is cheaper, and lost records")
	d := xml.NewDecoder(strings.NewReader(chart))
	rects := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		assert.NilError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			rects++
		}
	}
	assert.Equal(t, rects, 1+4+6+4) // the ground, the legend, and a bar for each stack of two panels
}
