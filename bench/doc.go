// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package bench puts hydra beside the loggers that it is compared with: the
// same work, the same file, the same level, in one run. It is a module of its
// own, so that none of its peers becomes a dependency of hydra.
//
//	go test -run=NONE -bench=. -benchmem -count=6 .   what one log call costs its caller
//	go run ./cmd/pipeline    records/s and CPU per record until everything is on file
//	go run ./cmd/stall       what callers see while the sink stands still
//	go run ./cmd/pace        calls at the pace of real services
//	go run ./cmd/table FILE… medians, ratios to the floor and to the best peer
//
// Every result is text in the format of Go's benchmarks, so benchstat reads it
// too. To publish, write each command's result into a file of results and run
// cmd/table without arguments: it draws the chart and rewrites the tables of the
// README.
//
//	go test -run=NONE -bench=. -benchmem -count=10 . >results/micro.txt
//	go run ./cmd/pipeline -rounds 6 -out results/pipeline.txt
//	go run ./cmd/stall -rounds 3 -out results/stall.txt
//	go run ./cmd/pace -rounds 2 -out results/pace.txt
//	go run ./cmd/table
//
// On two cores these take about 12, 4, 6 and 17 minutes, cmd/table a second. A quick
// trial, which says whether all works and not how fast it is:
//
//	go test -run=NONE -bench='Three$' -benchmem -benchtime=10ms -count=1 .
//	go run ./cmd/pipeline -records 20000 -stacks 'floor|^slog$|hydra'
//	go run ./cmd/stall -for 1s -stacks 'floor|^slog$|hydra'
//	go run ./cmd/pace -for 1s -rate 1000 -stacks 'floor|^slog$|hydra'
//
// cmd/table publishes only results that are complete and of one commit without
// changes; it names what is missing.
//
// Rounds are interleaved: no stack is measured twice before every stack was
// measured once. A ratio compares medians of the same run; times of different
// runs do not compare. A stack that loses records is shown with what it lost
// and is never called the best.
//
// Files go to the directory BENCH_DIR, or to the system's temporary directory.
// The module needs Unix, for getrusage.
package bench
