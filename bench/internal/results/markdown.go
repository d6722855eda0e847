// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package results

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hydra-logger/hydra/bench"
)

// Tables are the names of the tables that Markdown makes.
var Tables = []string{"calls", "pipeline", "stall", "pace"}

// ours are the stacks that a table shows beside the floor, slog and the best
// peer: the default, which may drop, and the one that never does.
var ours = []string{"hydra", "hydra+block"}

// What a reader calls the best peers, of those that lose nothing.
const (
	viaSlog = "best peer through slog that loses nothing"
	ownAPI  = "best peer with an API of its own that loses nothing"
)

// works are the rows of the table of calls, and what a reader calls them.
var works = []struct{ row, title string }{
	{"Message", "message only"},
	{"Three", "3 attributes"},
	{"Ten", "10 mixed attributes"},
	{"Bound", "With(5) + 2"},
	{"Source", "3 attributes + AddSource, to nowhere"},
	{"ThreeOn2", "3 attributes, 2 goroutines at once (GOMAXPROCS 2)"},
	{"ThreeOn8", "3 attributes, 8 goroutines at once (GOMAXPROCS 8)"},
	{"Burst", "burst of 1,024 after idling, per call"},
	{"Disabled", "disabled level"},
}

// Markdown returns one of Tables, or "" if the set has nothing for it.
func (s *Set) Markdown(table string) string {
	var b strings.Builder
	switch table {
	case "calls":
		s.calls(&b)
	case "pipeline":
		s.pipeline(&b)
	case "stall":
		s.stall(&b)
	case "pace":
		s.pace(&b)
	}
	if b.Len() == 0 {
		return ""
	}
	fmt.Fprintf(&b, "\n%s\n", strings.Join(slices.Sorted(slices.Values(s.Config)), "; "))
	return b.String()
}

func (s *Set) calls(b *strings.Builder) {
	for _, w := range works {
		r := s.Row(w.row)
		if r == nil {
			continue
		}
		if b.Len() == 0 {
			header(b, "a log call (ns; × floor)", "floor", "slog.JSONHandler", viaSlog, ownAPI,
				"hydra", "hydra, Block", "hydra, Block : best peer through slog")
		}
		best := r.Best("ns/op", bench.Slog)
		cells := []string{w.title, r.call("floor"), r.call("slog"), r.best("ns/op", bench.Slog, r.call), r.best("ns/op", bench.Native, r.call)}
		for _, stack := range ours {
			cells = append(cells, r.call(stack))
		}
		line(b, append(cells, Ratio(r.Cell("hydra+block"), best, "ns/op"))...)
	}
}

// call returns time, ratio and loss, as in "1,053 (2.60×), 3 % lost".
func (r *Row) call(stack string) string {
	c := r.Cell(stack)
	v, ok := c.Median("ns/op")
	if !ok {
		return "–"
	}
	s := figure("ns/op", v, ok)
	if stack != "floor" {
		s += " (" + Ratio(c, r.Cell("floor"), "ns/op") + ")"
	}
	return s + c.loss()
}

// best returns the name of the best stack of that kind and what cell makes of it.
func (r *Row) best(unit string, of bench.Kind, cell func(stack string) string) string {
	c := r.Best(unit, of)
	if c == nil {
		return "–"
	}
	return c.Stack + " " + cell(c.Stack)
}

// loss is empty for a stack that lost nothing in any round.
func (c *Cell) loss() string {
	if c.Lossless() {
		return ""
	}
	return fmt.Sprintf(", up to %s lost", percent(slices.Max(c.values["lost/op"])))
}

func (s *Set) pipeline(b *strings.Builder) {
	for _, r := range s.under("Pipeline/goroutines=") {
		if b.Len() == 0 {
			header(b, "goroutines (records/s; CPU per record; peak memory)", "floor", "slog.JSONHandler",
				viaSlog, ownAPI, "hydra", "hydra, Block")
		}
		throughput := func(stack string) string {
			c := r.Cell(stack)
			rate, ok := c.Median("records/s")
			if !ok {
				return "–"
			}
			cpu, _ := c.Median("cpu-ns/op")
			peak, _ := c.Median("peak-MiB")
			return fmt.Sprintf("%s; %.0f ns; %.0f MiB%s", figure("records/s", rate, ok), cpu, peak, c.loss())
		}
		cells := []string{
			after(r.Name, "="), throughput("floor"), throughput("slog"),
			r.best("records/s", bench.Slog, throughput), r.best("records/s", bench.Native, throughput),
		}
		for _, stack := range ours {
			cells = append(cells, throughput(stack))
		}
		line(b, cells...)
	}
}

func (s *Set) stall(b *strings.Builder) {
	for _, r := range s.under("Stall/") {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		header(b, fmt.Sprintf("the sink sleeps %s ms", after(r.Name, "=")), "p50", "p99", "p99.9", "longest", "lost", "lost, by its own count")
		cells := slices.SortedStableFunc(slices.Values(r.Stacks), func(a, b *Cell) int {
			return cmp.Compare(Cost(a, "p99-ns"), Cost(b, "p99-ns"))
		})
		for _, c := range cells {
			line(b, append([]string{c.Stack}, c.figures("p50-ns", "p99-ns", "p99.9-ns", "max-ns", "lost/op", "counted/op")...)...)
		}
	}
}

func (s *Set) pace(b *strings.Builder) {
	for _, r := range s.under("Pace/rate=") {
		if b.Len() == 0 {
			header(b, "records/s", "stack", "median", "p99", "on file, median", "on file, longest", "CPU per record (the floor's is the pacing)", "lost")
		}
		stacks := []string{"floor", "slog"}
		if c := r.Best("p50-ns", bench.Slog); c != nil && c.Stack != "slog" {
			stacks = append(stacks, c.Stack)
		}
		for _, stack := range append(stacks, ours...) {
			if c := r.Cell(stack); c != nil {
				line(b, append([]string{after(r.Name, "="), stack}, c.figures("p50-ns", "p99-ns", "file-p50-ns", "file-max-ns", "cpu-ns/op", "lost/op")...)...)
			}
		}
	}
}

// under returns the rows whose names begin with prefix.
func (s *Set) under(prefix string) []*Row {
	return slices.DeleteFunc(slices.Clone(s.Rows), func(r *Row) bool { return !strings.HasPrefix(r.Name, prefix) })
}

// figures formats one median a unit; of losses, the worst round.
func (c *Cell) figures(units ...string) []string {
	var all []string
	for _, u := range units {
		v, ok := c.Median(u)
		if ok && (u == "lost/op" || u == "counted/op") {
			v = slices.Max(c.values[u])
		}
		s := figure(u, v, ok)
		if ok && isTime(u) && v < 1e4 {
			s += " ns"
		}
		all = append(all, s)
	}
	return all
}

func after(s, sep string) string {
	_, rest, _ := strings.Cut(s, sep)
	return rest
}

func header(b *strings.Builder, cells ...string) {
	line(b, cells...)
	fmt.Fprintf(b, "|%s\n", strings.Repeat(" --- |", len(cells)))
}

func line(b *strings.Builder, cells ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}
