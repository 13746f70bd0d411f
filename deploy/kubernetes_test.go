// Package deploy holds the manifests for Kubernetes against its own types. It is
// a module of its own: nobody who builds Lockstep needs them.
package deploy

import (
	"bytes"
	"os"
	"reflect"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// TestKubernetesKnowsEveryField: a field that is mistyped, or of another type,
// would be dropped or refused by the cluster.
func TestKubernetesKnowsEveryField(t *testing.T) {
	text, err := os.ReadFile("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]any{
		"v1 ConfigMap": &core.ConfigMap{}, "v1 Service": &core.Service{},
		"policy/v1 PodDisruptionBudget": &policy.PodDisruptionBudget{}, "apps/v1 StatefulSet": &apps.StatefulSet{},
	}
	found := map[string]int{}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &head); err != nil {
			t.Fatal(err)
		}
		kind := head.APIVersion + " " + head.Kind
		to := types[kind]
		if to == nil {
			t.Errorf("there is no type for %s", kind)
			continue
		}
		found[kind]++
		fresh := reflect.New(reflect.TypeOf(to).Elem()).Interface()
		if err := yaml.UnmarshalStrict(document, fresh); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if len(found) != len(types) || found["v1 Service"] != 2 {
		t.Errorf("found %v", found)
	}
}
