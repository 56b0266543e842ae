//! What the tests of the networks share.

/// Asks a process of its own for the digest that the test `a_run_tells_its_digest` prints.
pub fn digest_in_another_process(seed: u64) -> String {
    let this = std::env::current_exe().expect("tests are a program");
    let output = std::process::Command::new(this)
        .args(["--exact", "a_run_tells_its_digest", "--nocapture"])
        .env("DIGEST_SEED", seed.to_string())
        .output()
        .expect("starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.split("digest=").nth(1));
    line.expect("tells its digest").to_owned()
}
