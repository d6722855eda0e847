// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package results

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/hydra-logger/hydra/bench"
)

// panels are what the chart shows: all stacks of one row, the best on top, and those
// that lost something below the others.
var panels = []struct {
	row, unit, title string
	log              bool // the bars' scale, for values of several decades
}{
	{"Three", "ns/op", "a log call with 3 attributes, to a file (ns, less is better)", false},
	{"Pipeline/goroutines=8", "records/s", "from 8 goroutines to the file (records/s, more is better)", false},
	{"Stall/ms=200", "p99.9-ns", "p99.9 of a log call, sink stalling 200 ms a second (logarithmic, less is better)", true},
}

// Chart returns the panels that the set has values for, as SVG.
func (s *Set) Chart() string {
	const (
		width, bars, left = 860, 430, 190
		rowHeight         = 17
	)
	var b strings.Builder
	y := 16
	for i, k := range []struct{ fill, name string }{
		{floorFill, "floor: slog alone"}, {hydraFill, "hydra"}, {slogFill, "peers through slog"}, {nativeFill, "peers with an API of their own"},
	} {
		fmt.Fprintf(&b, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=%q/>", 10+190*i, y-11, k.fill)
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\">%s</text>\n", 28+190*i, y, k.name)
	}
	for _, p := range panels {
		r := s.Row(p.row)
		if r == nil {
			continue
		}
		cells := slices.DeleteFunc(slices.Clone(r.Stacks), func(c *Cell) bool { _, ok := c.Median(p.unit); return !ok })
		slices.SortStableFunc(cells, func(a, b *Cell) int {
			switch {
			case a.Lossless() == b.Lossless():
				return cmp.Compare(Cost(a, p.unit), Cost(b, p.unit))
			case a.Lossless():
				return -1
			}
			return 1
		})
		var least, most float64 = math.Inf(1), 0
		for _, c := range cells {
			v, _ := c.Median(p.unit)
			least, most = min(least, v), max(most, v)
		}
		y += rowHeight
		fmt.Fprintf(&b, "<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s</text>\n", y, html.EscapeString(p.title))
		for _, c := range cells {
			v, _ := c.Median(p.unit)
			share := v / most
			if p.log {
				share = math.Log10(2*v/least) / math.Log10(2*most/least)
			}
			y += rowHeight
			fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", left-8, y, html.EscapeString(c.Stack))
			fmt.Fprintf(&b, "<rect x=\"%d\" y=\"%d\" width=\"%.0f\" height=\"12\" fill=%q/>", left, y-11, bars*share, fill(c))
			fmt.Fprintf(&b, "<text x=\"%.0f\" y=\"%d\">%s%s</text>\n", left+bars*share+6, y, figure(p.unit, v, true), c.loss())
		}
		y += rowHeight
	}
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n%s</svg>\n", width, y, b.String())
}

const (
	floorFill  = "#bbbbbb"
	hydraFill  = "#d1495b"
	slogFill   = "#30638e"
	nativeFill = "#8fb1cc"
)

func fill(c *Cell) string {
	switch kind(c.Stack) {
	case bench.Floor:
		return floorFill
	case bench.Hydra:
		return hydraFill
	case bench.Slog:
		return slogFill
	}
	return nativeFill
}
