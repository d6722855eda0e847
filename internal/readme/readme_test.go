// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package readme keeps what the documents show true. In every .md file:
//
//   - a go block is a whole program, which is vetted, or a run of lines from such
//     a program, from the body of an Example or from a file under examples/;
//   - a sh block holds commands, one a line, that .ci/run runs. (The documents of
//     nested modules are excepted: a comparison may take longer than CI has.)
//   - a test that is named, like this: `TestX`, exists;
//   - the README has the import path of every package of hydra that its go blocks use.
//
// The indented blocks of the root package's comment in doc.go are go blocks too.
package readme

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// languages are the fences that a document may use. A fence without a language,
// or with another word for go or sh, would be code that nobody checks.
var languages = []string{"go", "sh", "text", "json", "yaml", "toml", "csv", "diff", "mermaid"}

// repository is what the documents are held against.
type repository struct {
	root    string   // absolute
	scripts string   // .ci/run and Makefile
	sources []string // normalized text that fragments may be taken from
	tests   []string // names of test functions

	packages map[string]string // import paths of the public ones, by their names
}

// fence is a block of code in a Markdown document: language, then lines.
var fence = regexp.MustCompile("(?ms)^[ \t]*```([^\n]*)\n(.*?)^[ \t]*```[ \t]*$")

// namedTest is the name of a test in a Markdown document.
var namedTest = regexp.MustCompile("`(Test[A-Z0-9][A-Za-z0-9_]*)`")

// used is the name of a package in front of what it exports.
var used = regexp.MustCompile(`\b([a-z]+)\.[A-Z]`)

// problems says what is wrong with a document. file is relative to the root.
func (r repository) problems(t *testing.T, file, text string) []string {
	var problems []string
	report := func(format string, args ...any) {
		problems = append(problems, file+": "+fmt.Sprintf(format, args...))
	}
	_, err := os.Stat(filepath.Join(r.root, filepath.Dir(file), "go.mod"))
	nested := err == nil && filepath.Dir(file) != "."
	program, tests := false, false
	blocks := fence.FindAllStringSubmatch(text, -1)
	if fences := strings.Count("\n"+text, "\n```"); fences > 2*len(blocks) {
		report("%d fences make %d blocks", fences, len(blocks))
	}
	for _, b := range blocks {
		language, code := b[1], b[2]
		if file == "README.md" && language == "go" {
			for _, at := range r.unnamed(code, text) {
				report("uses package %s and does not say that this is its path", at)
			}
		}
		switch {
		case !slices.Contains(languages, language):
			report("block of language %q, want one of %v", language, languages)
		case strings.TrimSpace(code) == "":
			report("empty block")
		case language == "go" && strings.HasPrefix(code, "package "):
			program = true
			if err := r.vet(t, filepath.Dir(file), code); err != nil {
				report("%v in\n%s", err, code)
			}
		case language == "go":
			if !slices.ContainsFunc(r.sources, func(s string) bool { return strings.Contains(s, normalize(code)) }) {
				report("not a program, and not lines of an Example or of examples/:\n%s", code)
			}
		case language == "sh" && !nested:
			for line := range strings.Lines(code) {
				command, _, _ := strings.Cut(" "+line, " #")
				command = strings.TrimSpace(command)
				tests = tests || command == "go test ./..."
				if command != "" && !r.runs(command) {
					report("command %q is not one that .ci/run runs", command)
				}
			}
		}
	}
	for _, name := range namedTest.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(r.tests, name[1]) {
			report("there is no test %s", name[1])
		}
	}
	if file == "README.md" && (!program || !tests) {
		report("has a whole program in a go block: %t; has go test ./... in a sh block: %t; want both", program, tests)
	}
	return problems
}

// unnamed returns the import paths of the packages that code uses and text has not.
func (r repository) unnamed(code, text string) (unnamed []string) {
	for _, name := range used.FindAllStringSubmatch(code, -1) {
		at := r.packages[name[1]]
		if at != "" && !regexp.MustCompile(regexp.QuoteMeta(at)+"[\"`]").MatchString(text) {
			unnamed = append(unnamed, at)
		}
	}
	return unnamed
}

// vet type-checks a program as if it lay in dir.
func (r repository) vet(t *testing.T, dir, program string) error {
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", file)
	cmd.Dir = filepath.Join(r.root, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go vet: %w\n%s", err, out)
	}
	return nil
}

// runs reports whether .ci/run runs command: it is an example, or a make target
// (make check is .ci/run), or it ends a line of the script. In place of go get
// the script makes a program that requires the checkout.
func (r repository) runs(command string) bool {
	if strings.TrimSuffix(command, "@latest") == "go get github.com/hydra-logger/hydra" {
		return true
	}
	if example, ok := strings.CutPrefix(command, "go run ./examples/"); ok {
		files, err := filepath.Glob(filepath.Join(r.root, "examples", example, "*.go"))
		return err == nil && len(files) > 0
	}
	pattern := `(?m)^[^#\n]*(^|\s)` + regexp.QuoteMeta(command) + `$`
	if target, ok := strings.CutPrefix(command, "make "); ok {
		pattern = `(?m)^` + regexp.QuoteMeta(target) + `:`
	}
	return regexp.MustCompile(pattern).MatchString(r.scripts)
}

// normalize makes runs of lines comparable, whatever their indentation and the
// comments at their ends.
func normalize(code string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for line := range strings.Lines(strings.TrimSpace(code)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " // ")
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// open reads the repository, and its documents by their names.
func open(t *testing.T) (r repository, documents map[string]string) {
	t.Helper()
	root := rootDir(t)
	r, documents = repository{root: root, packages: make(map[string]string)}, map[string]string{"README.md": ""} // must exist
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		hidden := err == nil && at != root && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), "."))
		if hidden && d.IsDir() && d.Name() != ".ci" {
			return fs.SkipDir
		} else if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, at)
		if err != nil || !slices.Contains([]string{"", ".go", ".md"}, filepath.Ext(name)) {
			return err
		}
		r.addPackage(filepath.ToSlash(name))
		data, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		switch name = filepath.ToSlash(name); {
		case name == ".ci/run" || name == "Makefile":
			r.scripts += string(data) + "\n"
		case filepath.Ext(name) == ".md":
			documents[name] = string(data)
			for _, b := range fence.FindAllStringSubmatch(string(data), -1) {
				if b[1] == "go" && strings.HasPrefix(b[2], "package ") {
					r.sources = append(r.sources, normalize(b[2]))
				}
			}
		case strings.HasPrefix(name, "examples/"):
			r.sources = append(r.sources, normalize(string(data)))
		case name == "doc.go" || strings.HasSuffix(name, "_test.go"):
			f, err := parser.ParseFile(fset, at, data, parser.ParseComments)
			if err != nil {
				return err
			}
			for _, c := range new(comment.Parser).Parse(f.Doc.Text()).Content {
				if code, ok := c.(*comment.Code); ok && name == "doc.go" {
					documents[name] += "```go\n" + code.Text + "```\n"
				}
			}
			for _, decl := range f.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
					r.tests = append(r.tests, fn.Name.Name)
				}
				if ok && strings.HasPrefix(fn.Name.Name, "Example") {
					body := data[fset.Position(fn.Body.Lbrace).Offset+1 : fset.Position(fn.Body.Rbrace).Offset]
					r.sources = append(r.sources, normalize(string(body)))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, documents
}

// addPackage adds the package that a file belongs to, if others may import it.
func (r repository) addPackage(name string) {
	dir := path.Dir(name)
	top, _, _ := strings.Cut(dir, "/")
	if path.Ext(name) == ".go" && !slices.Contains([]string{"internal", "cmd", "examples", "bench", "tools"}, top) {
		at := path.Join("github.com/hydra-logger/hydra", dir)
		r.packages[path.Base(at)] = at
	}
}

func TestEveryLossInTheREADMEIsShownByATest(t *testing.T) {
	_, documents := open(t)
	_, section, _ := strings.Cut(documents["README.md"], "\n## What can hydra lose?\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if rows++; rows > 2 && !namedTest.MatchString(line) { // the first two are the head
			t.Errorf("no test in %s", line)
		}
	}
	if rows < 10 {
		t.Errorf("got a table of %d rows, want 10 and more", rows)
	}
}

func TestDocumentsShowWhatWorks(t *testing.T) {
	r, documents := open(t)
	for file, text := range documents {
		for _, p := range r.problems(t, file, text) {
			t.Error(p)
		}
	}
}
