package docs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v4"

	pb "lockstep/api/lockstep/v1"
)

func TestMain(m *testing.M) {
	Stage()
	code := m.Run()
	if built.dir != "" && os.Getenv(builtBefore) == "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// The programs are built once, as they are released.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// builtBefore names the directory of programs that were built before this run.
const builtBefore = "LOCKSTEP_DOCS_BINARIES"

func programs(t *testing.T) string {
	t.Helper()
	if raceEnabled {
		t.Skip("the programs are not built with the detector: run this without -race")
	}
	built.once.Do(func() {
		if built.dir = os.Getenv(builtBefore); built.dir != "" {
			return
		}
		if built.dir, built.err = os.MkdirTemp("", "lockstep-docs-"); built.err != nil {
			return
		}
		command := exec.Command("go", "build", "-o", built.dir+string(filepath.Separator), "./cmd/...")
		command.Dir = checkout(t)
		var out []byte
		if out, built.err = command.CombinedOutput(); built.err != nil {
			t.Logf("%s", out)
		}
	})
	if built.err != nil {
		t.Fatalf("build the programs: %v", built.err)
	}
	return built.dir
}

func checkout(t *testing.T) string {
	t.Helper()
	top, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// pages are all pages that are run: the README and what is in docs/.
func pages(t *testing.T) (all []*Page) {
	t.Helper()
	names := []string{"README.md"}
	err := fs.WalkDir(os.DirFS(checkout(t)), "docs", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		page, mistakes := page(t, name)
		complain(t, mistakes)
		all = append(all, page)
	}
	return all
}

// others are pages that are not run, but held against what is there.
func others(t *testing.T) (all []*Page) {
	t.Helper()
	for _, name := range []string{"ARCHITECTURE.md", "CHANGELOG.md", "api/examples/README.md"} {
		page, _ := page(t, name)
		all = append(all, page)
	}
	return all
}

func page(t *testing.T, name string) (*Page, []error) {
	t.Helper()
	text, err := read(checkout(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(name, text)
}

func complain(t *testing.T, mistakes []error) {
	t.Helper()
	for _, mistake := range mistakes {
		t.Error(mistake)
	}
}

// TestLinks: a link within the repository leads to a file that is there, and to a
// heading that it has.
func TestLinks(t *testing.T) {
	count := 0
	for _, page := range append(pages(t), others(t)...) {
		complain(t, CheckLinks(checkout(t), page))
		count += len(page.Links)
	}
	if count < 30 {
		t.Errorf("only %d links were found", count)
	}
}

// TestMentions: what pages tell people to type is there: programs' flags and
// variables, each of its command.
func TestMentions(t *testing.T) {
	usage, err := ReadUsage(programs(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages(t), others(t)...) {
		complain(t, usage.Check(page))
	}
}

// TestPagesAreWhole: the API's page has every call, and that of the configuration
// every flag of lockd.
func TestPagesAreWhole(t *testing.T) {
	usage, err := ReadUsage(programs(t))
	if err != nil {
		t.Fatal(err)
	}
	says := func(page *Page, word *regexp.Regexp) bool {
		return slices.ContainsFunc(page.Code, func(l Line) bool { return word.MatchString(l.Text) })
	}
	api, _ := page(t, "docs/api.md")
	calls := pb.File_lockstep_v1_lockstep_proto.Services().ByName("LockService").Methods()
	for i := range calls.Len() {
		if name := string(calls.Get(i).Name()); !says(api, regexp.MustCompile(`\b`+name+`\b`)) {
			t.Errorf("%s says nothing of %s", api.Path, name)
		}
	}
	configuration, _ := page(t, "docs/configuration.md")
	for _, flag := range usage.Flags("lockd") {
		if flag == "help" || flag == "version" {
			continue
		}
		if !says(configuration, regexp.MustCompile(`(^|[\s(])--?`+flag+`($|[\s=,])`)) {
			t.Errorf("%s says nothing of -%s", configuration.Path, flag)
		}
	}
}

// TestDataIsWellFormed: what pages show as YAML or JSON is that.
func TestDataIsWellFormed(t *testing.T) {
	for _, page := range pages(t) {
		for _, scene := range page.Scenes {
			for _, b := range scene.Blocks {
				if b.Language != "yaml" && b.Language != "json" {
					continue
				}
				var anything any
				if err := yaml.Unmarshal([]byte(strings.Join(b.Lines, "\n")), &anything); err != nil {
					t.Errorf("%s:%d: %v", page.Path, b.Line, err)
				}
			}
		}
	}
}
