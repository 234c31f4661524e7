package packaging

import (
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kustomize must build the manifests, and each manifest must have only the fields of
// its kind.
func TestKubernetesManifests(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), deploy("kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]any{
		"Deployment":            &apps.Deployment{},
		"Service":               &core.Service{},
		"PersistentVolumeClaim": &core.PersistentVolumeClaim{},
		"ConfigMap":             &core.ConfigMap{},
		"NetworkPolicy":         &networking.NetworkPolicy{},
		"ServiceMonitor":        &monitoring.ServiceMonitor{},
	}
	for _, resource := range built.Resources() {
		object, ok := kinds[resource.GetKind()]
		if !ok {
			t.Errorf("%s %s: duplicate or unchecked kind", resource.GetKind(), resource.GetName())
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%s %s: %v", resource.GetKind(), resource.GetName(), err)
		}
		delete(kinds, resource.GetKind())
	}
	for kind := range kinds {
		t.Errorf("got no %s", kind)
	}
}

// References from one manifest to another must be valid.
func TestKubernetesReferences(t *testing.T) {
	var deployment apps.Deployment
	var service core.Service
	var monitor monitoring.ServiceMonitor
	read(t, "kubernetes/deployment.yaml", &deployment)
	read(t, "kubernetes/service.yaml", &service)
	read(t, "kubernetes/servicemonitor.yaml", &monitor)

	pod := deployment.Spec.Template
	for name, value := range service.Spec.Selector {
		if pod.Labels[name] != value {
			t.Errorf("the service selects %s=%s, but the pod has %q", name, value, pod.Labels[name])
		}
	}
	ports := map[string]bool{}
	for _, p := range pod.Spec.Containers[0].Ports {
		ports[p.Name] = true
	}
	services := map[string]bool{}
	for _, p := range service.Spec.Ports {
		services[p.Name] = true
		if !ports[p.TargetPort.StrVal] {
			t.Errorf("the service refers to the port %s, which the pod does not have", p.TargetPort.StrVal)
		}
	}
	for _, e := range monitor.Spec.Endpoints {
		if !services[e.Port] {
			t.Errorf("the monitor refers to the port %s, which the service does not have", e.Port)
		}
	}
	for name, value := range monitor.Spec.Selector.MatchLabels {
		if service.Labels[name] != value {
			t.Errorf("the monitor selects %s=%s, but the service has %q", name, value, service.Labels[name])
		}
	}
	if c := pod.Spec.Containers[0]; c.ReadinessProbe == nil || c.LivenessProbe == nil || c.StartupProbe == nil {
		t.Error("the container lacks a probe")
	}
}
