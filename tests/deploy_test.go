package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// What is in deploy/ is for systems that are not here, most of them. So it is held
// against what can be: lockd judges the settings, with the environment that each
// node would have, and the parts must fit together.

// usualFile is where the settings of a node are, in all that is deployed.
const usualFile = "/etc/lockstep/lockd.yaml"

// effective is what lockd makes of a configuration, which must have no mistake.
func effective(t *testing.T, text string, environment map[string]string) map[string]string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lockd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	show := exec.CommandContext(t.Context(), binary(t, "lockd"), "config", "show", "-json", path)
	show.Env = []string{"HOME=/nowhere"}
	for name, value := range environment {
		show.Env = append(show.Env, name+"="+value)
	}
	var said bytes.Buffer
	show.Stderr = &said
	out, err := show.Output()
	if err != nil {
		t.Fatalf("with %v: %v\n%s", environment, err, &said)
	}
	var shown struct {
		Settings []struct{ Setting, Value string }
	}
	if err := json.Unmarshal(out, &shown); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range shown.Settings {
		settings[s.Setting] = s.Value
	}
	return settings
}

// deployed reads a file of deploy/, which may have several documents. What it has
// besides want's fields is a mistake.
func deployed[T any](t *testing.T, name string) (all []T) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(deployedText(t, name)))
	for {
		var one T
		switch err := decoder.Decode(&one); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
}

func deployedText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// under follows keys, and indexes, into a document.
func under(t *testing.T, doc any, path string) any {
	t.Helper()
	for _, key := range strings.Split(path, " ") {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[key]
		case []any:
			if i, err := strconv.Atoi(key); err == nil && i < len(v) {
				doc = v[i]
			}
		default:
			t.Fatalf("there is no %s: %v has no %s", path, doc, key)
		}
	}
	return doc
}

// checkFiles: a node finds its certificates where they are mounted.
func checkFiles(t *testing.T, settings map[string]string, mounted func(path string) bool) {
	t.Helper()
	for _, setting := range []string{"tls-cert", "tls-key", "tls-ca"} {
		if path := settings[setting]; path == "" || !mounted(path) {
			t.Errorf("%s of %s is %q, which is not there", setting, settings["name"], path)
		}
	}
	if settings["listen"] != "0.0.0.0:7101" || settings["insecure"] != "false" || settings["durability"] != "fsync" {
		t.Errorf("%s listens on %s, insecure %s, durability %s", settings["name"], settings["listen"], settings["insecure"], settings["durability"])
	}
}

func TestTheUnitIsWhatSystemdTakes(t *testing.T) {
	settings := effective(t, deployedText(t, "lockd.yaml"), nil)
	checkFiles(t, settings, func(path string) bool { return strings.HasPrefix(path, "/etc/lockstep/tls/") })
	unit := deployedText(t, "lockstep.service")
	for _, want := range []string{"ExecStart=/usr/local/bin/lockd -config " + usualFile + "\n", "Type=notify\n", "WatchdogSec="} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit has no %s", want)
		}
	}
	if settings["data"] != "/var/lib/lockstep" || !strings.Contains(unit, "StateDirectory=lockstep\n") {
		t.Errorf("the data are in %s, which is not the unit's state directory", settings["data"])
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: it was not asked about the unit")
	}
	path := filepath.Join(t.TempDir(), "lockstep.service")
	here := strings.ReplaceAll(unit, "/usr/local/bin/lockd", binary(t, "lockd"))
	if err := os.WriteFile(path, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestComposeStartsThreeNodesThatFitTogether(t *testing.T) {
	type service struct {
		Environment    map[string]string
		Ports, Volumes []string
	}
	all := deployed[struct {
		Services map[string]service
		Volumes  map[string]any
	}](t, "compose.yaml")
	if len(all) != 1 || len(all[0].Services) != 3 {
		t.Fatalf("got %+v", all)
	}
	for name, s := range all[0].Services {
		mounts := map[string]string{}
		for _, volume := range s.Volumes {
			parts := strings.Split(volume, ":")
			mounts[parts[1]] = parts[0]
		}
		text := deployedText(t, mounts[usualFile])
		settings := effective(t, text, s.Environment)
		checkFiles(t, settings, func(path string) bool { return mounts[path] == "./tls/"+filepath.Base(path) })
		if settings["name"] != name || !strings.Contains(settings["peers"], name+"="+name+":7101") {
			t.Errorf("the service %s runs the node %s of %s", name, settings["name"], settings["peers"])
		}
		if _, known := all[0].Volumes[mounts[settings["data"]]]; !known {
			t.Errorf("%s keeps its data in %s, which is on no volume", name, settings["data"])
		}
		if len(s.Ports) != 1 || !strings.HasPrefix(s.Ports[0], "127.0.0.1:") || !strings.HasSuffix(settings["api"], s.Ports[0][strings.LastIndex(s.Ports[0], ":"):]) {
			t.Errorf("%s serves the API on %s, and %v are published", name, settings["api"], s.Ports)
		}
	}
}

func TestKubernetesRunsThreeNodesThatFitTogether(t *testing.T) {
	byKind := map[string]any{}
	for _, doc := range deployed[map[string]any](t, "kubernetes.yaml") {
		byKind[doc["kind"].(string)+" "+under(t, doc, "metadata name").(string)] = doc
	}
	kinds := slices.Sorted(maps.Keys(byKind))
	if want := []string{"ConfigMap lockstep", "PodDisruptionBudget lockstep", "Service lockstep", "Service lockstep-api", "StatefulSet lockstep"}; !slices.Equal(kinds, want) {
		t.Fatalf("got %q, want %q", kinds, want)
	}
	set := byKind["StatefulSet lockstep"]
	pod := under(t, set, "spec template spec")
	labels := under(t, set, "spec template metadata labels").(map[string]any)
	for what, selector := range map[string]any{
		"the set":             under(t, set, "spec selector matchLabels"),
		"the nodes' service":  under(t, byKind["Service lockstep"], "spec selector"),
		"the API's service":   under(t, byKind["Service lockstep-api"], "spec selector"),
		"the budget":          under(t, byKind["PodDisruptionBudget lockstep"], "spec selector matchLabels"),
		"the pods' antipathy": under(t, pod, "affinity podAntiAffinity requiredDuringSchedulingIgnoredDuringExecution 0 labelSelector matchLabels"),
	} {
		if !maps.Equal(selector.(map[string]any), labels) {
			t.Errorf("%s selects %v, and the pods are %v", what, selector, labels)
		}
	}
	if under(t, set, "spec serviceName") != "lockstep" || under(t, byKind["Service lockstep"], "spec clusterIP") != "None" {
		t.Error("the pods have no names: the set's service is not the headless one")
	}
	config := under(t, byKind["ConfigMap lockstep"], "data").(map[string]any)["lockd.yaml"].(string)
	container := under(t, pod, "containers 0")
	mounts := map[string]string{}
	for _, mount := range under(t, container, "volumeMounts").([]any) {
		mounts[under(t, mount, "mountPath").(string)] = under(t, mount, "name").(string)
	}
	if under(t, container, "args 1") != usualFile || mounts[usualFile] != "settings" {
		t.Errorf("lockd reads %v, and mounted are %v", under(t, container, "args"), mounts)
	}
	for i := range under(t, set, "spec replicas").(int) {
		name := "lockstep-" + strconv.Itoa(i)
		environment := map[string]string{}
		for _, variable := range under(t, container, "env").([]any) {
			if value, ok := variable.(map[string]any)["value"].(string); ok {
				environment[under(t, variable, "name").(string)] = strings.ReplaceAll(value, "$(LOCKD_NAME)", name)
			} else if under(t, variable, "valueFrom fieldRef fieldPath") == "metadata.name" {
				environment[under(t, variable, "name").(string)] = name
			}
		}
		settings := effective(t, config, environment)
		checkFiles(t, settings, func(path string) bool {
			return mounts[filepath.Dir(path)] == "tls" && (filepath.Base(path) == "ca.crt" || strings.HasPrefix(filepath.Base(path), name+"."))
		})
		if settings["name"] != name || !strings.Contains(settings["peers"], name+"="+name+".lockstep:7101") {
			t.Errorf("the pod %s runs the node %s of %s", name, settings["name"], settings["peers"])
		}
		if mounts[filepath.Dir(settings["data"])] != under(t, set, "spec volumeClaimTemplates 0 metadata name") {
			t.Errorf("%s keeps its data in %s, which is on no claim", name, settings["data"])
		}
		if settings["api"] != "0.0.0.0:8101" {
			t.Errorf("%s serves the API on %s", name, settings["api"])
		}
	}
	for i, want := range []int{7101, 8101} {
		service := byKind[[]string{"Service lockstep", "Service lockstep-api"}[i]]
		if under(t, container, "ports "+strconv.Itoa(i)+" containerPort") != want || under(t, service, "spec ports 0 port") != want {
			t.Errorf("port %d is not where the service or the pod has it", want)
		}
	}
	for probe, path := range map[string]string{"livenessProbe": "/livez", "readinessProbe": "/readyz"} {
		if got := under(t, container, probe+" httpGet"); under(t, got, "path") != path || under(t, got, "port") != "api" || under(t, got, "scheme") != "HTTPS" {
			t.Errorf("the %s asks %v", probe, got)
		}
	}
}
