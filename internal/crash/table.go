// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// A life is one process that died, and how.
type life struct {
	way   string
	early bool // before it could log for long, perhaps within its recovery
}

// tabulate prints what became of the records, for each way of dying and in total,
// and returns the total and the most that one death lost.
func tabulate(w io.Writer, lives []life, l *ledger, atDeath map[int]int) (total finding, worst int) {
	found := l.judge()
	sums := make(map[string]*finding)
	kills := make(map[string]int)
	var order []string
	for i, one := range lives {
		if kills[one.way]++; sums[one.way] == nil {
			sums[one.way] = &finding{}
			order = append(order, one.way)
		}
		f := found[i]
		if f == nil {
			continue // it died before it had logged
		}
		f.recovered = f.inFile - atDeath[i]
		sums[one.way].add(*f)
		total.add(*f)
		worst = max(worst, f.lost)
	}
	total.torn += l.stray
	for life, f := range found {
		if life >= len(lives) {
			total.invented += f.inFile // no such life has logged
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "way of dying\tkills\tacknowledged\tin file\trecovered\tlost\tduplicated\ttorn\tdisordered\tunreturned\tinvented\t")
	row := func(way string, kills int, f finding) {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
			way, kills, f.acknowledged, f.inFile, f.recovered, f.lost, f.duplicated, f.torn, f.disordered, f.unreturned, f.invented)
	}
	for _, way := range order {
		row(way, kills[way], *sums[way])
	}
	row("total", len(lives), total)
	table.Flush()
	return total, worst
}
