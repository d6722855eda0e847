// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package audit

import (
	"slices"
)

// Verdict is what a run, or all that was read, proves.
type Verdict string

// The verdicts, the best first. A run has one of the first three.
const (
	// Proven: every number from the first to the end of the run is accounted for;
	// with the key, nobody changed a line or took one away.
	Proven Verdict = "proven"

	// Open is the same of what is there: but the run began before it, or has not
	// ended, or a part of it cannot be linked to the rest.
	Open Verdict = "open"

	// Broken: something is missing without account, or changed, or in excess.
	Broken Verdict = "broken"

	// Unknown: no line has a trail, so that there is no run to judge.
	Unknown Verdict = "unknown"
)

// Report is what the files prove.
type Report struct {
	Verdict Verdict `json:"verdict"`
	Keyed   bool    `json:"keyed"` // MACs were looked at
	Files   []File  `json:"files"`
	Runs    []Run   `json:"runs"`
}

// Run is what was found of one run.
type Run struct {
	ID      string  `json:"run"`
	Verdict Verdict `json:"verdict"`
	First   uint64  `json:"first"` // the lowest number that is there or told of; 0 if none
	Last    uint64  `json:"last"`  // the highest, or what the end of the run says
	Lines   uint64  `json:"lines"` // records that are there, each counted once
	Markers uint64  `json:"markers"`
	Ended   bool    `json:"ended"` // by Close, which said so in a line

	Files []string `json:"files"` // in which its lines are, as they were read

	Told  uint64 `json:"told"`  // numbers that gap markers say are missing
	Found uint64 `json:"found"` // those of them that are lines all the same, as in a fallback

	Missing   uint64  `json:"missing"` // numbers between First and Last that are neither
	MissingAt []Hole  `json:"missing_at,omitempty"`
	Twice     Finding `json:"twice,omitzero"`     // numbers that are there again
	Disorder  Finding `json:"disorder,omitzero"`  // lines behind one with a higher number
	AfterEnd  Finding `json:"after_end,omitzero"` // numbers beyond the end of the run, or further ends
	Forged    Finding `json:"forged,omitzero"`    // lines whose MAC does not fit them and the line before
	Unkeyed   Finding `json:"unkeyed,omitzero"`   // lines without a MAC, though there is a key
	Unproven  Finding `json:"unproven,omitzero"`  // lines whose MAC needs a line that is not here
}

// Hole is numbers that are missing, and the lines around them.
type Hole struct {
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	After  *Place `json:"after,omitempty"`  // nil if it is not known which comes before
	Before *Place `json:"before,omitempty"` // nil at the end
}

// Report says what was found. Nothing may be read later.
func (a *Auditor) Report() Report {
	rep := Report{Verdict: Proven, Keyed: a.key != nil, Runs: []Run{}}
	if len(a.order) == 0 {
		rep.Verdict = Unknown // whether there should be a run, the files do not say
	}
	for _, r := range a.order {
		if a.key != nil {
			r.join(a.files)
		}
		run := a.report(r)
		rep.Runs = append(rep.Runs, run)
		rep.Verdict = worse(rep.Verdict, run.Verdict)
	}
	for _, f := range a.files {
		if f.Damage != "" || f.Trailed > 0 && f.Bare.Count > 0 {
			rep.Verdict = Broken
		}
	}
	rep.Files = slices.Clone(a.files)
	return rep
}

func worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Broken, Open} {
		if a == v || b == v {
			return v
		}
	}
	return Proven
}

func (a *Auditor) report(r *run) Run {
	run := Run{
		ID: r.id.String(), Markers: r.markers, Ended: len(r.ends) > 0, Files: r.files,
		Disorder: r.disorder, Forged: r.forged, Unkeyed: r.unkeyed, Unproven: r.unproven,
	}
	var told, all uint64
	var again Finding
	run.Lines, run.Twice = count(r.lines, a.from)
	run.Told, again = count(r.told, a.from)
	run.Twice.Count = sum(run.Twice.Count, again.Count)
	run.Twice.At = append(run.Twice.At, again.At[:min(len(again.At), maxPlaces-len(run.Twice.At))]...)
	told = run.Told
	both := slices.Concat(r.lines, r.told)
	all, _ = count(both, a.from)
	run.Found = run.Lines + told - all
	a.holes(&run, r, both)

	broken := []uint64{
		run.Missing, run.Twice.Count, run.Disorder.Count, run.AfterEnd.Count, run.Forged.Count, run.Unkeyed.Count,
	}
	switch {
	case slices.Max(broken) > 0: // their sum may be 0, with numbers that somebody chose for that
		run.Verdict = Broken
	case r.lowest > 1 || !run.Ended || run.Unproven.Count > 0:
		run.Verdict = Open
	default:
		run.Verdict = Proven
	}
	return run
}

// holes looks for numbers that are missing in spans, which are sorted, up to the end
// of the run, and for what is beyond it.
func (a *Auditor) holes(run *Run, r *run, spans []span) {
	next, last := r.lowest, (*span)(nil)
	hole := func(to uint64, before *Place) {
		if to <= next {
			return
		}
		run.Missing += to - next
		if len(run.MissingAt) < maxPlaces {
			h := Hole{First: next, Last: to - 1, Before: before}
			if last != nil {
				after := a.to(*last)
				h.After = &after
			}
			run.MissingAt = append(run.MissingAt, h)
		}
	}
	for i := range spans {
		s := &spans[i]
		before := a.from(*s)
		hole(s.first, &before)
		if s.last+1 > next {
			next, last = s.last+1, s
		}
	}
	if len(spans) > 0 {
		run.First, run.Last = r.lowest, next-1
	}
	for i, e := range r.ends {
		if i > 0 {
			run.AfterEnd.add(a.from(e.at))
		}
		if before := a.from(e.at); e.last+1 > next {
			hole(e.last+1, &before)
			next = e.last + 1
		}
		run.Last = max(run.Last, e.last)
	}
	if len(r.ends) == 0 {
		return
	}
	for _, s := range spans {
		if s.last > r.ends[0].last {
			run.AfterEnd.addMany(a.from(s), s.last-max(s.first-1, r.ends[0].last))
		}
	}
}

// from returns where a span begins.
func (a *Auditor) from(s span) Place { return Place{a.files[s.file-1].Name, s.from} }

// to returns where a span ends.
func (a *Auditor) to(s span) Place { return Place{a.files[s.file-1].Name, s.to} }
