package cli

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of settings. Each says what it wants when it gets something else.

// value is a flag whose text is checked as it is read.
type value[T any] struct {
	to    *T
	text  string
	parse func(string) (T, error)
	many  bool     // a list with commas, which a file may have as one of its own
	words []string // of which it takes one
}

func (v *value[T]) String() string { return v.text }

func (v *value[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return err
	}
	*v.to, v.text = parsed, text
	return nil
}

func (v *value[T]) takesMany() bool { return v.many }

func (v *value[T]) choices() []string { return v.words }

// Var adds a flag of any kind. The default must be one that parse takes.
func Var[T any](flags *flag.FlagSet, to *T, name, def, usage string, parse func(string) (T, error)) {
	add(flags, &value[T]{to: to, parse: parse}, name, def, usage)
}

func add[T any](flags *flag.FlagSet, v *value[T], name, def, usage string) {
	if err := v.Set(def); err != nil {
		panic(fmt.Sprintf("cli: the default of -%s: %v", name, err))
	}
	flags.Var(v, name, usage)
}

// onOff is a flag that stands without a value.
type onOff struct{ to *bool }

func (v onOff) IsBoolFlag() bool { return true }
func (v onOff) String() string {
	if v.to == nil {
		return "" // the flag package makes a zero value to know the default's text
	}
	return strconv.FormatBool(*v.to)
}

func (v onOff) Set(text string) (err error) {
	if *v.to, err = strconv.ParseBool(text); err != nil {
		return fmt.Errorf("want true or false")
	}
	return nil
}

// Bool adds a flag that is off until it is given.
func Bool(flags *flag.FlagSet, to *bool, name, usage string) { flags.Var(onOff{to}, name, usage) }

// String adds a flag that takes any text.
func String(flags *flag.FlagSet, to *string, name, def, usage string) {
	Var(flags, to, name, def, usage, func(s string) (string, error) { return s, nil })
}

// Duration adds a flag for a time span within bounds.
func Duration(flags *flag.FlagSet, to *time.Duration, name, def, usage string, least, most time.Duration) {
	Var(flags, to, name, def, usage, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("want a time span from %v to %v, such as %s", least, most, def)
		}
		return d, nil
	})
}

// list is a flag that may be given several times.
type list[T any] struct {
	to    *[]T
	parse func(string) (T, error)
}

func (v list[T]) takesMany() bool { return true }

func (v list[T]) clear() { *v.to = nil }

func (v list[T]) String() string {
	if v.to == nil {
		return "" // as of onOff
	}
	texts := make([]string, len(*v.to))
	for i, one := range *v.to {
		texts[i] = fmt.Sprint(one)
	}
	return strings.Join(texts, ",")
}

func (v list[T]) Set(text string) error {
	one, err := v.parse(text)
	if err != nil {
		return err
	}
	*v.to = append(*v.to, one)
	return nil
}

// List adds a flag that may be given several times; its variable holds one value.
func List[T any](flags *flag.FlagSet, to *[]T, name, usage string, parse func(string) (T, error)) {
	flags.Var(list[T]{to, parse}, name, usage)
}

// Choice adds a flag that takes one of a few words.
func Choice[T any](flags *flag.FlagSet, to *T, name, def, usage string, words []string, meanings []T) {
	add(flags, &value[T]{to: to, words: words, parse: func(s string) (T, error) {
		if i := slices.Index(words, s); i >= 0 {
			return meanings[i], nil
		}
		var none T
		return none, fmt.Errorf("want one of %s", strings.Join(words, ", "))
	}}, name, def, usage)
}

// Int adds a flag for a number within bounds. Why says what the lower one is for.
func Int(flags *flag.FlagSet, to *int, name, def, usage string, least, most int, why string) {
	Var(flags, to, name, def, usage, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n > most {
			return 0, fmt.Errorf("want a number from %d to %d", least, most)
		}
		if n < least {
			return 0, fmt.Errorf("want at least %d: %s", least, why)
		}
		return n, nil
	})
}
