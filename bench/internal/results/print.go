// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package results

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hydra-logger/hydra/bench"
)

// units are the columns of a table, in order. The first one that a row has
// orders its stacks and is compared.
var units = []string{
	"ns/op", "records/s", "p50-ns", "p99-ns", "p99.9-ns", "max-ns", "file-p50-ns", "file-max-ns",
	"cpu-ns/op", "peak-MiB", "B/op", "allocs/op", "lost/op", "counted/op",
}

// Print writes one table a row: every stack, with the medians of its rounds,
// its ratio to the floor, and its ratio to the best peer that is called
// through slog and lost nothing. "×" always says how much more it costs, so a
// stack at 0.5× best costs half.
func Print(w io.Writer, s *Set) {
	for _, c := range s.Config {
		fmt.Fprintln(w, c)
	}
	for _, r := range s.Rows {
		fmt.Fprintf(w, "\n%s\n", r.Name)
		r.print(w)
	}
}

func (r *Row) print(w io.Writer) {
	columns := slices.DeleteFunc(slices.Clone(units), func(u string) bool {
		return !slices.ContainsFunc(r.Stacks, func(c *Cell) bool { return len(c.values[u]) > 0 })
	})
	if len(columns) == 0 {
		return
	}
	unit := columns[0]
	floor, best := r.Cell("floor"), r.Best(unit, bench.Slog)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "stack\t×floor\t×best\t%s\t\n", strings.Join(columns, "\t"))
	cells := slices.SortedStableFunc(slices.Values(r.Stacks), func(a, b *Cell) int {
		return cmp.Compare(Cost(a, unit), Cost(b, unit))
	})
	for _, c := range cells {
		fmt.Fprintf(tw, "%s\t%s\t%s\t", c.Stack, Ratio(c, floor, unit), Ratio(c, best, unit))
		for _, u := range columns {
			v, ok := c.Median(u)
			fmt.Fprintf(tw, "%s\t", figure(u, v, ok))
		}
		fmt.Fprintln(tw)
	}
	_ = tw.Flush()
}

// Best returns the stack of that kind that costs least and lost nothing, nil if
// there is none.
func (r *Row) Best(unit string, of bench.Kind) *Cell {
	var best *Cell
	for _, c := range r.Stacks {
		if kind(c.Stack) == of && c.Lossless() && (best == nil || Cost(c, unit) < Cost(best, unit)) {
			best = c
		}
	}
	return best
}

func kind(stack string) bench.Kind {
	for _, s := range bench.Stacks() {
		if s.Name == stack {
			return s.Kind
		}
	}
	return bench.Native
}

// Cost returns the median of a cell, turned over where more is better, and
// infinity where there is none.
func Cost(c *Cell, unit string) float64 {
	v, ok := c.Median(unit)
	switch {
	case !ok || v == 0 && unit == "records/s":
		return math.Inf(1)
	case unit == "records/s":
		return 1 / v
	}
	return v
}

// Ratio returns how much more c costs than base, as in "1.42×".
func Ratio(c, base *Cell, unit string) string {
	q := Cost(c, unit) / Cost(base, unit)
	if math.IsNaN(q) || math.IsInf(q, 0) || q == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f×", q)
}

// figure formats a value for a reader: three digits, losses in percent, long
// times in their unit.
func figure(unit string, v float64, ok bool) string {
	switch {
	case !ok:
		return "–"
	case unit == "lost/op" || unit == "counted/op":
		return percent(v)
	case unit == "records/s":
		return fmt.Sprintf("%.2f M", v/1e6)
	case isTime(unit) && v >= 1e6:
		return fmt.Sprintf("%.3g ms", v/1e6)
	case isTime(unit) && v >= 1e4:
		return fmt.Sprintf("%.3g µs", v/1e3)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// isTime reports whether a unit is of times that may be long.
func isTime(unit string) bool { return strings.HasSuffix(strings.TrimSuffix(unit, "/op"), "-ns") }

// percent never rounds a loss to nothing.
func percent(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.0001:
		return "<0.01 %"
	case v < 0.1:
		return fmt.Sprintf("%.2g %%", v*100)
	}
	return fmt.Sprintf("%.3g %%", v*100)
}
