package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"restorewatch/internal/config"
)

// instead names, for each variable, those that mean the same thing in another way. A flag for one overrules the
// environment's word on the others.
var instead = map[string][]string{
	config.EnvStateTable:        {config.EnvStateFile},
	config.EnvStateFile:         {config.EnvStateTable},
	config.EnvCredentialsSecret: {config.EnvPublicKey, config.EnvPrivateKey, config.EnvClientID, config.EnvClientSecret},
	config.EnvPublicKey:         {config.EnvCredentialsSecret, config.EnvClientID, config.EnvClientSecret},
	config.EnvClientID:          {config.EnvCredentialsSecret, config.EnvPublicKey, config.EnvPrivateKey},
	config.EnvSlackSecret:       {config.EnvSlackURL},
}

// readerVariables are what a command needs that only looks at what is remembered.
var readerVariables = []string{config.EnvWatch, config.EnvStateTable, config.EnvStateFile}

// flagOf returns the flag of an environment variable: its name in lower case, with hyphens. One that holds a secret has
// none: other users of the machine can see the arguments of a program.
func flagOf(variable string) (string, bool) {
	open := func(v config.Variable) bool { return v.Name == variable && !v.Secret }
	if !slices.ContainsFunc(config.Variables(), open) {
		return "", false
	}
	return strings.ReplaceAll(strings.ToLower(variable), "_", "-"), true
}

// flags are the flags of one command, in front of the environment.
type flags struct {
	*flag.FlagSet
	command   command
	getenv    func(string) string
	variables []config.Variable // those that the command reads
	values    map[string]*string
}

func newFlags(c command, getenv func(string) string) *flags {
	f := &flags{
		FlagSet: flag.NewFlagSet(c.name, flag.ContinueOnError), command: c, getenv: getenv,
		values: make(map[string]*string),
	}
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// configure declares a flag for each variable that the command reads; without names, for all of them.
func (f *flags) configure(names ...string) {
	for _, v := range config.Variables() {
		if len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		f.variables = append(f.variables, v)
		if name, ok := flagOf(v.Name); ok {
			f.values[v.Name] = f.String(name, "", v.Meaning)
		}
	}
}

// load reads the configuration, flags before environment.
func (f *flags) load(program config.Program) (config.Config, error) {
	overruled := make(map[string]bool)
	for name, value := range f.values {
		if *value == "" {
			continue
		}
		for _, other := range instead[name] {
			overruled[other] = true
		}
	}
	return config.Load(func(name string) string {
		if value := f.values[name]; value != nil && *value != "" {
			return *value
		}
		if overruled[name] {
			return ""
		}
		return f.getenv(name)
	}, program)
}

// parse reads args. help is whether they ask for help.
func (f *flags) parse(args []string) (help bool, err error) {
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return true, nil
	case err != nil:
		return false, misuse(strings.Replace(err.Error(), "flag provided but not defined: -", "there is no flag --", 1))
	case f.NArg() > 0 && f.command.operand == "":
		return false, misuse(fmt.Sprintf("%q is not expected here; flags begin with a hyphen", f.Arg(0)))
	}
	return false, nil
}

// help explains the command, its flags and the variables that it reads.
func (f *flags) help() string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace("usage: restorewatch "+f.command.name+" [flags] "+f.command.operand) + "\n\n")
	b.WriteString(flow(f.command.long, helpWidth))
	f.explainFlags(&b)
	f.explainVariables(&b)
	return b.String()
}

// explainFlags lists the flags that stand for no variable.
func (f *flags) explainFlags(b *strings.Builder) {
	title := "\nflags:\n"
	f.VisitAll(func(fl *flag.Flag) {
		if f.ofVariable(fl.Name) {
			return
		}
		b.WriteString(title)
		title = ""
		value, usage := flag.UnquoteUsage(fl)
		if fl.DefValue != "" && fl.DefValue != "false" {
			usage += " (default " + fl.DefValue + ")"
		}
		explain(b, strings.TrimSpace("--"+fl.Name+" "+value), usage)
	})
}

func (f *flags) ofVariable(name string) bool {
	return slices.ContainsFunc(f.variables, func(v config.Variable) bool {
		flag, _ := flagOf(v.Name)
		return flag == name
	})
}

// reads reports whether the command takes a variable into account.
func (f *flags) reads(variable string) bool {
	return slices.ContainsFunc(f.variables, func(v config.Variable) bool { return v.Name == variable })
}

func (f *flags) explainVariables(b *strings.Builder) {
	if len(f.variables) == 0 {
		return
	}
	b.WriteString("\nenvironment variables, each with the flag that overrides it:\n")
	for _, v := range f.variables {
		title := v.Name
		if name, ok := flagOf(v.Name); ok {
			title += ", --" + name
		} else {
			title += " (no flag: others on the machine can see flags)"
		}
		meaning := v.Meaning
		if v.Default != "" {
			meaning += " (default " + v.Default + ")"
		}
		explain(b, title, meaning)
	}
	b.WriteString("The AWS SDK's own variables (AWS_REGION, AWS_PROFILE, …) work as everywhere.\n")
}

// helpWidth is how wide the help is, in characters: what fits the narrowest terminal in use.
const helpWidth = 78

// explain writes a title, and what it means in lines below it.
func explain(b *strings.Builder, title, text string) {
	b.WriteString("  " + title + "\n" + fold(strings.Repeat(" ", 6)+text, helpWidth, 6) + "\n")
}
