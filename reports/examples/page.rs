//! Makes the page of a report file: `cargo run -p dimespec-report --example page -- FILE > page.html`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: page REPORT.json > page.html");
        return ExitCode::from(2);
    };
    let page = std::fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| dimespec_report::read(&text).map_err(|error| error.to_string()))
        .and_then(|report| dimespec_report::html::page(&report).map_err(|error| error.to_string()));
    match page {
        Ok(page) => {
            println!("{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
