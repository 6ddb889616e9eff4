package cli

import (
	"cmp"
	"context"
	"runtime/debug"
)

var versionCommand = command{
	name:  "version",
	brief: "print what this program was built from",
	long:  "Prints the version, the commit and the Go release that this program was built from.",
	prepare: func(a *app, _ *flags) action {
		return func(context.Context, []string) error {
			a.out.print(version() + "\n")
			return nil
		}
	},
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "restorewatch (built without module information)"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := "restorewatch " + cmp.Or(info.Main.Version, "(devel)")
	if commit := settings["vcs.revision"]; commit != "" {
		text += " commit " + commit[:min(12, len(commit))]
	}
	if settings["vcs.modified"] == "true" {
		text += " (modified)"
	}
	return text + " " + info.GoVersion
}
