package docs

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// CheckLinks returns which links of a page lead nowhere. Other pages are read from
// the repository.
func CheckLinks(checkout string, page *Page) (mistakes []error) {
	for _, link := range page.Links {
		file, anchor, _ := strings.Cut(link.Target, "#")
		to := page
		if file != "" {
			name := path.Join(path.Dir(page.Path), file)
			text, err := read(checkout, name)
			if err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s:%d: there is no %s", page.Path, link.Line, name))
				continue
			}
			if anchor != "" {
				to, _ = Parse(name, text)
			}
		}
		if anchor != "" && !slices.Contains(to.Anchors, anchor) {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %s has no heading #%s; it has #%s",
				page.Path, link.Line, to.Path, anchor, strings.Join(to.Anchors, ", #")))
		}
	}
	return mistakes
}

// read reads a file of the repository. A folder may be linked to as well.
func read(checkout, name string) (string, error) {
	at := filepath.Join(checkout, filepath.FromSlash(name))
	if info, err := os.Stat(at); err == nil && info.IsDir() {
		return "", nil
	}
	text, err := os.ReadFile(at)
	return string(text), err
}
