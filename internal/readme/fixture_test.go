// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package readme

import (
	"path/filepath"
	"strings"
	"testing"
)

const (
	program  = "```go\npackage main\n\nfunc main() {}\n```\n"
	fragment = "```go\ns := file.New(name, nil)\n```\n"
	tests    = "```sh\ngo test ./... # a minute\n```\n"
)

func TestDocumentThatDoesNotWorkIsRefused(t *testing.T) {
	r := repository{
		root:     rootDir(t),
		scripts:  "# go test ./never\nrace() { true; }\n\tgo test ./...\ncheck:\n",
		tests:    []string{"TestThis"},
		packages: map[string]string{"file": "github.com/hydra-logger/hydra/sink/file"},
		sources:  []string{normalize("\ts := file.New(name, nil)\n"), normalize("\tlog := open()\n\tif true {\n\t\tlog.Close()\n\t}\n")},
	}
	for _, tt := range []struct {
		name, file, text string
		want             string // "" means that the document is accepted
	}{
		{"program and tests", "README.md", program + tests, ""},
		{"nothing", "README.md", "# hydra\n", "program in a go block: false; has go test ./... in a sh block: false"},
		{"no tests", "README.md", program, "program in a go block: true; has go test ./... in a sh block: false"},
		{"package without its path", "README.md", program + tests + fragment + "`hydra/sink/file`, `hydra/sink/file/zstd`", "uses package github.com/hydra-logger/hydra/sink/file and does not say"},
		{"package and its path", "README.md", program + tests + fragment + "`github.com/hydra-logger/hydra/sink/file`", ""},
		{"package without its path, not the README", "NOTES.md", fragment, ""},
		{"nothing, not the README", "NOTES.md", "# hydra\n", ""},
		{"broken program", "NOTES.md", "```go\npackage main\n\nfunc main() { x := 1 }\n```\n", "declared and not used: x"},
		{"fragment", "NOTES.md", "```go\nif true { // always\n  log.Close()\n}\n```\n", ""},
		{"unknown fragment", "NOTES.md", "```go\nlog.Close(ctx)\n```\n", "not lines of an Example"},
		{"half a line", "NOTES.md", "```go\nlog := open\n```\n", "not lines of an Example"},
		{"empty block", "NOTES.md", "```go\n\n```\n", "empty block"},
		{"no language", "NOTES.md", "```\nrm -r logs\n```\n", `language ""`},
		{"other word for sh", "NOTES.md", "```bash\nrm -r logs\n```\n", `language "bash"`},
		{"unclosed", "NOTES.md", "```sh\nrm -r logs\n", "1 fences make 0 blocks"},
		{"indented", "NOTES.md", "- so\n\n  ```sh\n  rm -r logs\n  ```\n", `command "rm -r logs"`},
		{"unknown command", "NOTES.md", "```sh\ngo test ./...\ngo test\n```\n", `command "go test" is`},
		{"command in a comment", "NOTES.md", "```sh\ngo test ./never\n```\n", `command "go test ./never" is`},
		{"make target", "NOTES.md", "```sh\nmake check\n```\n", ""},
		{"unknown make target", "NOTES.md", "```sh\nmake chec\n```\n", `command "make chec" is`},
		{"test", "NOTES.md", "| kept | `TestThis` |\n", ""},
		{"unknown test", "NOTES.md", "| kept | `TestThat` |\n", "there is no test TestThat"},
		{"installation", "NOTES.md", "```sh\ngo get github.com/hydra-logger/hydra@latest\n```\n", ""},
		{"unknown example", "NOTES.md", "```sh\ngo run ./examples/none\n```\n", `command "go run ./examples/none" is`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(r.problems(t, tt.file, tt.text), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}

func rootDir(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}
