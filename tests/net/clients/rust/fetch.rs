// fetch WAY REPO: all files of the repo into the cache, as the hub's info lists them; prints the folder in which they are.
use std::path::PathBuf;

type Failure = Box<dyn std::error::Error>;

// It puts names into addresses as they are, and then refuses those with a blank in them, or with what is not ASCII.
fn can_be_asked_for(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn one_by_one(repo: &str) -> Result<Vec<PathBuf>, Failure> {
    let api = hf_hub::api::sync::ApiBuilder::from_env().with_progress(false).build()?.model(repo.into());
    let (names, others): (Vec<String>, Vec<String>) = api.info()?.siblings.into_iter().map(|file| file.rfilename).partition(|name| can_be_asked_for(name));
    let mut found = Vec::new();
    for name in names {
        found.push(api.get(&name)?.ancestors().nth(name.split('/').count()).unwrap().into());
    }
    found.extend(in_pieces(repo, Some(others))?);
    Ok(found)
}

// Pieces of each file come side by side.
fn in_pieces(repo: &str, names: Option<Vec<String>>) -> Result<Vec<PathBuf>, Failure> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let api = hf_hub::api::tokio::ApiBuilder::from_env().high().with_progress(false).build()?.model(repo.into());
        let names = match names {
            Some(names) => names,
            None => api.info().await?.siblings.into_iter().map(|file| file.rfilename).collect(),
        };
        let mut found = Vec::new();
        for name in names {
            found.push(api.get(&name).await?.ancestors().nth(name.split('/').count()).unwrap().into());
        }
        Ok(found)
    })
}

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    let found = if words[1] == "pieces" { in_pieces(&words[2], None) } else { one_by_one(&words[2]) }?;
    println!("{:?}", found[0]);
    Ok(())
}
