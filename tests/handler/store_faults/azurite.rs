//! The same causes told by Azurite, which answers as Azure Blob does.

use super::*;
use crate::azurite::Azurite;
use crate::faults::assert_told;

async fn with(change: impl Fn(&str) -> String) -> String {
    let azurite = Azurite::start().await;
    let settings = azurite.settings().into_iter().map(|(name, value)| (name, change(&value))).collect::<Vec<_>>();
    let folder = tempfile::tempdir().unwrap();
    let (process, _hub) = start(&settings, folder.path()).await;
    process.put("iphone", phone()).await;
    process.invoke(&sms("e1", "15551234567", "a canary sings")).await;
    process.terminate().await.1
}

#[tokio::test]
async fn a_wrong_key() {
    let output = with(|value| value.replace("Eby8", "Abcd")).await;
    // Azure Blob itself says AuthenticationFailed.
    assert_told("the storage account's firewall shuts the app out", &output);
    assert!(output.contains("or correct the key"), "{output}");
}

#[tokio::test]
async fn an_account_that_is_not_there() {
    let output = with(|value| value.replace("/devstoreaccount1", "/nobody")).await;
    assert_told("the store's address is another service's", &output);
}
