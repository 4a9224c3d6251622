//! The files for containers: the Dockerfile, and the manifest for Kubernetes. No image is built here.
#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The arguments of each of these instructions, of the last stage or of all.
fn instructions<'a>(dockerfile: &'a str, name: &str) -> Vec<Vec<&'a str>> {
    let lines = dockerfile.lines().filter(|line| line.split_whitespace().next() == Some(name));
    lines.map(|line| line.split_whitespace().skip(1).collect()).collect()
}

fn manifest(kind: &str) -> Value {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&read("docs/kubernetes.yaml")).unwrap();
    documents.into_iter().find(|document| document["kind"] == kind).unwrap()
}

#[test]
fn the_image_has_what_the_build_needs_and_runs_as_nobody() {
    let dockerfile = read("Dockerfile");
    let ignored = read(".dockerignore");
    for copy in instructions(&dockerfile, "COPY").iter().filter(|words| !words[0].starts_with("--from")) {
        for source in &copy[..copy.len() - 1] {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(source).exists(), "{source}");
            assert!(ignored.lines().any(|line| line == format!("!{source}")), "{source} is ignored");
        }
    }
    // Cargo reads the manifests of all targets, so their files must be there.
    for target in ["src", "benches", "examples", "emulator"] {
        assert!(instructions(&dockerfile, "COPY").iter().any(|words| words[0] == target), "{target}");
    }
    let rust = format!("rust:{}-alpine", env!("CARGO_PKG_RUST_VERSION"));
    assert_eq!(instructions(&dockerfile, "FROM"), [vec![rust.as_str(), "AS", "build"], vec!["scratch"]]);
    assert_eq!(instructions(&dockerfile, "USER"), [["65532:65532"]]);
    assert_eq!(instructions(&dockerfile, "ENV"), [["LISTEN=0.0.0.0:8080"]]);
    assert!(dockerfile.contains("ENTRYPOINT [\"/acs-push\"]\nCMD [\"serve\", \"--webhook\"]"));
}

#[test]
fn the_deployment_fits_the_program() {
    let deployment = manifest("Deployment");
    let pod = &deployment["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["serve", "--webhook"]));
    assert_eq!(container["readinessProbe"]["httpGet"], json!({"path": "/readyz", "port": "http"}));
    assert_eq!(container["livenessProbe"]["httpGet"], json!({"path": "/healthz", "port": "http"}));
    assert_eq!(container["ports"][0], json!({"name": "http", "containerPort": 8080}));
    // Unready for five seconds, and then the longest deadline and a second.
    assert!(pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap() > 5 + 28 + 1);
    let security = &container["securityContext"];
    assert_eq!(
        (&security["runAsNonRoot"], &security["readOnlyRootFilesystem"], &security["runAsUser"]),
        (&json!(true), &json!(true), &json!(65532))
    );
    let settings = read("docs/settings.md");
    for variable in container["env"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        assert!(settings.contains(&format!("`{name}`")), "{name} is no setting");
    }
    assert_eq!(container["env"][0], json!({"name": "LISTEN", "value": "0.0.0.0:8080"}));
}

#[test]
fn budget_and_service_choose_the_pods_of_the_deployment() {
    let labels = &manifest("Deployment")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&manifest("Deployment")["spec"]["selector"]["matchLabels"], labels);
    let budget = manifest("PodDisruptionBudget");
    assert_eq!((&budget["spec"]["selector"]["matchLabels"], &budget["spec"]["minAvailable"]), (labels, &json!(1)));
    assert!(manifest("Deployment")["spec"]["replicas"].as_u64().unwrap() > 1, "the budget would hold up every upgrade");
    let service = manifest("Service");
    assert_eq!((&service["spec"]["selector"], &service["spec"]["ports"][0]["targetPort"]), (labels, &json!("http")));
}
