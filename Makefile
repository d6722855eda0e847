# SPDX-FileCopyrightText: The hydra authors
# SPDX-License-Identifier: MIT

tool := go tool -modfile=$(CURDIR)/tools/go.mod

.PHONY: help test check faults fmt bench fuzz vuln
help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

test: ## run the tests
	go test ./...

check: ## run everything that CI runs, 20 minutes at most
	.ci/run

faults: ## inject every fault of docs/FAULTS.md; most need the superuser
	go run ./internal/faultcheck

fmt: ## format the sources
	$(tool) gofumpt -w .

bench: ## run the benchmarks, of the packages and against other libraries
	go test -run '^$$' -bench . -benchmem ./...
	cd bench && GOWORK=off go test -run '^$$' -bench . -benchmem ./...

fuzz: ## fuzz every target for a short time
	.ci/run fuzz

vuln: ## look for known vulnerabilities; asks vuln.go.dev
	$(tool) govulncheck ./...
