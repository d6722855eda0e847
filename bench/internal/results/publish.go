// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package results

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// settings are the rows that the tables have besides works: what the commands measure
// where they are not told otherwise.
var settings = []string{
	"Pipeline/goroutines=1", "Pipeline/goroutines=2", "Pipeline/goroutines=8", "Pipeline/goroutines=64",
	"Stall/ms=200",
	"Pace/rate=10", "Pace/rate=1000", "Pace/rate=10000",
}

// Publishable returns all that keeps the set from being published, nil if nothing
// does: a row of the tables that was not measured, or not for each stack that all
// tables show, and results that are not all of one commit that others can check out.
func (s *Set) Publishable() error {
	var errs []error
	if c := s.commits(); len(c) != 1 || c[0] == "unknown" || strings.HasSuffix(c[0], "-dirty") {
		errs = append(errs, fmt.Errorf("results must be of one commit without changes, not of %s", strings.Join(c, ", ")))
	}
	var rows []string
	for _, w := range works {
		rows = append(rows, w.row)
	}
	for _, row := range append(rows, settings...) {
		r := s.Row(row)
		if r == nil {
			errs = append(errs, fmt.Errorf("no results of %s", row))
			continue
		}
		missing := slices.DeleteFunc(append([]string{"floor", "slog"}, ours...), func(stack string) bool { return r.Cell(stack) != nil })
		if len(missing) > 0 {
			errs = append(errs, fmt.Errorf("no results of %s for %s", row, strings.Join(missing, ", ")))
		}
	}
	return errors.Join(errs...)
}

// commits returns what the runs say they measured, or that they say nothing.
func (s *Set) commits() []string {
	var all []string
	for _, l := range s.Config {
		if c, ok := strings.CutPrefix(l, "commit: "); ok {
			all = append(all, c)
		}
	}
	if all == nil {
		return []string{"unknown"}
	}
	return all
}
