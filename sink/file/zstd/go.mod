module github.com/hydra-logger/hydra/sink/file/zstd

go 1.26.0

require (
	github.com/hydra-logger/hydra v0.0.0
	github.com/klauspost/compress v1.20.3
)

require golang.org/x/sys v0.49.0 // indirect

// For work within the repository; users of the module never see it.
replace github.com/hydra-logger/hydra => ../../..
