module github.com/hydra-logger/hydra

go 1.26.0

require (
	github.com/shirou/gopsutil/v3 v3.24.5 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	gotest.tools/v3 v3.5.2 // indirect
)
