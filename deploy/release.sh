#!/usr/bin/env bash
# Puts the program into the Function App that infra/main.bicep made, and subscribes it to the events of ACS:
#
#     deploy/release.sh [DEPLOYMENT]
#
# DEPLOYMENT is the name under which infra/main.bicep was deployed; Azure tells its outputs. Without it the environment has
# them: functionAppId, systemTopicId, storageAccountId, calls (`azd` sets these).
# Takes target/package/acs-push.zip, which deploy/package.sh makes, and infra/events.bicep. Needs the Azure CLI, logged in.
# Doing it again changes nothing that is right already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "deploy/release.sh: $1" >&2
    exit 1
}

package=target/package/acs-push.zip
api=2025-03-01
# Five minutes.
tries=31
pause=10

command -v az >/dev/null || fail "the Azure CLI is not installed, see https://learn.microsoft.com/cli/azure/install-azure-cli."
[[ -f $package ]] || fail "$package does not exist; deploy/package.sh makes it."

if (($# > 0)); then
    outputs=$(az deployment sub show --name "$1" --output tsv --query \
        'properties.outputs.[functionAppId.value, systemTopicId.value, storageAccountId.value, calls.value]') ||
        fail "there are no outputs of the deployment '$1'; 'az deployment sub list' has the names."
    read -r functionAppId systemTopicId storageAccountId calls <<<"${outputs//$'\n'/ }"
fi
for name in functionAppId systemTopicId storageAccountId calls; do
    [[ -n ${!name:-} ]] ||
        fail "$name is not known: name the deployment of infra/main.bicep, or set $name to its output."
done
# Azure writes False, azd false.
calls=${calls,,}
IFS=/ read -r _ _ subscription _ group _ _ _ app <<<"$functionAppId"
IFS=/ read -r _ _ topicSubscription _ topicGroup _ _ _ topic <<<"$systemTopicId"
[[ -n ${app:-} && -n ${topic:-} ]] ||
    fail "functionAppId and systemTopicId are resource ids: /subscriptions/…/resourceGroups/…/providers/…."

echo "Uploading $package to $app."
az functionapp deployment source config-zip --subscription "$subscription" --resource-group "$group" --name "$app" \
    --src "$package" --output none

# After an upload Azure may list no function until it is told to look again, and Event Grid takes only one that is listed.
echo "Waiting until Azure lists the function EventGridTrigger."
for ((try = 1; ; try++)); do
    answer=$(az rest --method post --url "$functionAppId/host/default/sync?api-version=$api" --output none 2>&1) || true
    functions=$(az rest --method get --url "$functionAppId/functions?api-version=$api" --query 'value[].name' \
        --output tsv) || functions='(Azure did not tell)'
    if grep -q '/EventGridTrigger$' <<<"$functions"; then
        break
    fi
    if ((try == tries)); then
        echo "Azure lists: $(paste -sd ' ' <<<"${functions:-nothing}")" >&2
        [[ -z $answer ]] || echo "The last answer to host/default/sync: $answer" >&2
        fail "after $(((tries - 1) * pause)) s Azure does not list EventGridTrigger, so there is no subscription yet. \
The host does not start, or the package is not the one of deploy/package.sh: docs/deploy.md, \"The function is not listed\"."
    fi
    sleep "$pause"
done

echo "Subscribing it to the events of $topic."
az deployment group create --name acs-push-events --subscription "$topicSubscription" --resource-group "$topicGroup" \
    --template-file infra/events.bicep --output none --parameters \
    "systemTopicName=$topic" "functionAppId=$functionAppId" "storageAccountId=$storageAccountId" "calls=$calls"

cat <<END
Done. What to look at next:
  the program and its hubs   https://$app.azurewebsites.net/api/status with the function key of Status:
                             az functionapp function keys list -g $group -n $app --function-name Status
  register a phone           docs/api.md; an app that registers is all that is missing
  an event's line            Application Insights, category Function.EventGridTrigger.User; docs/operate.md explains it
END
