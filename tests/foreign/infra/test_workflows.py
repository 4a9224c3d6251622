"""The workflows through zizmor, which knows how they are attacked, and what we ask of them beyond that."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

WORKFLOWS = Path(__file__).parents[3] / ".github" / "workflows"


def zizmor(folder):
    command = [Path(sys.executable).parent / "zizmor", "--offline", "--no-progress", "--no-config", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Workflows(unittest.TestCase):
    def test_zizmor_finds_nothing(self):
        found = zizmor(WORKFLOWS)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_zizmor_finds_what_is_planted(self):
        for there, planted, rule in [
            ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5", "unpinned-uses"),
            ("permissions:\n      contents: read\n", "permissions: write-all\n", "excessive-permissions"),
            ("run: deploy/release.sh", 'run: deploy/release.sh "${{ github.head_ref }}"', "template-injection"),
        ]:
            with self.subTest(rule=rule), tempfile.TemporaryDirectory() as folder:
                text = (WORKFLOWS / "deploy.yml").read_text()
                self.assertIn(there, text)
                workflow = Path(folder) / ".github" / "workflows" / "deploy.yml"
                workflow.parent.mkdir(parents=True)
                workflow.write_text(text.replace(there, planted, 1))
                found = zizmor(folder)
                self.assertNotEqual(found.returncode, 0)
                self.assertIn(rule, found.stdout)

    def test_every_action_is_pinned_and_every_job_has_its_own_permissions_and_limit(self):
        for path in WORKFLOWS.iterdir():
            text = path.read_text()
            uses = re.findall(r"uses: (\S+)(.*)", text)
            for action, comment in uses:
                self.assertRegex(action, r"^[\w.-]+/[\w.-]+@[0-9a-f]{40}$", path.name)
                self.assertRegex(comment, r"^ # v\d+\.\d+\.\d+$", path.name)
            workflow = yaml.safe_load(text)
            self.assertEqual(workflow["permissions"], {}, path.name)
            for job in workflow["jobs"].values():
                self.assertIn("permissions", job, path.name)
                self.assertIn("timeout-minutes", job, path.name)

    def test_the_toolchain_is_the_one_of_the_project(self):
        version = re.search(r'^rust-version = "(.*)"$', (WORKFLOWS.parents[1] / "Cargo.toml").read_text(), re.M)[1]
        for path in WORKFLOWS.iterdir():
            text = path.read_text()
            for named in re.findall(r"(?:toolchain install|default|rust:)\s*(\d[\d.]*)", text):
                self.assertEqual(named, version, path.name)


if __name__ == "__main__":
    unittest.main()
