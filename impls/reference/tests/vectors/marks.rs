//! What the check must not pass over: marks of crashes, values that are not of the format, cases in
//! which nothing is compared, and members that nobody looks at.

use dime::vectors::Report;
use serde_json::{Value, json};

use super::unseen::{judged_cases, recorded_case};
use super::{failures, judged, some_of};

/// The report on one recorded case after a change.
fn changed(file: &str, list: &str, position: usize, change: impl FnOnce(&mut Value)) -> Report {
    let mut case = recorded_case(file, list, position);
    change(&mut case);
    judged_cases(file, list, vec![case])
}

fn counts(report: &Report) -> (usize, usize) {
    let refused = report.files.iter().flat_map(|file| &file.broken);
    (report.total.failed, refused.filter(|it| it.refused).count())
}

#[test]
fn where_libdime_crashed_we_refuse_or_fail_whatever_else_is_recorded() {
    let crash = || json!({ "crash": true });
    let mut reports = vec![
        // A signet whose signature does not verify is refused, a good one is not.
        changed("signets_corrupt.json", "cases", 0, |case| {
            case["libdime"] = crash();
        }),
        changed("mrec.json", "parse", 0, |case| {
            case["txt"] = json!("pok");
            case["libdime"] = crash();
        }),
        changed("mrec.json", "parse", 0, |case| {
            case["txt"] = json!("pok");
            case["libdime"] = json!({ "ok": false, "memory_unsafe": true });
        }),
        changed("primitives.json", "secp256k1_public_keys", 0, |case| {
            *case = json!({ "public_hex": "00", "accepted": null, "crash": true });
        }),
        changed("primitives.json", "base64_decode", 0, |case| {
            *case = json!({ "text": "!", "ok": null, "crash": true });
        }),
        changed("keyfiles.json", "load_cases", 0, |case| {
            *case = json!({ "pem_b64": "", "libdime": crash() });
        }),
        changed("dmtp.json", "parse", 0, |case| {
            *case = json!({ "line": "NOPE\n", "libdime": crash() });
        }),
        changed("messages_corrupt.json", "cases", 0, |case| {
            case["message_b64"] = json!("AAAA");
            case["actors"] = json!({ "author": crash() });
        }),
        changed("messages_encrypt_errors.json", "cases", 1, |case| {
            case["libdime"] = json!({ "encrypt_ok": null, "crash": true });
        }),
    ];
    let stacie = changed("stacie.json", "derivations", 0, |case| {
        case["realm_encrypt"] = json!(null);
        let damaged = &mut case["realm_decrypt_corrupt"];
        damaged[0]["envelope_hex"] = json!("00");
        damaged[0]["ok"] = json!(null);
        damaged[0]["crash"] = json!(true);
    });
    reports.push(stacie);
    for report in reports {
        assert_eq!(counts(&report), (0, 1), "{}", report.to_text());
    }
    for report in [
        changed("signets_valid.json", "cases", 0, |case| {
            case["libdime"] = json!({ "deserialize_ok": true, "crash": true });
        }),
        changed("signets_valid.json", "cases", 0, |case| {
            case["libdime"]["memory_unsafe"] = json!(true);
        }),
        changed("parsers.json", "common_headers_format", 0, |case| {
            case["ok"] = json!(null);
            case["crash"] = json!(true);
        }),
        changed("mrec.json", "parse", 0, |case| case["libdime"] = crash()),
    ] {
        assert_eq!(counts(&report), (1, 0), "{}", report.to_text());
    }
}

#[test]
fn a_value_that_cannot_be_read_fails_in_its_case_alone() {
    let mut folder = some_of(&["signets_valid.json", "mrec.json"]);
    let signets = folder.json.get_mut("signets_valid.json").expect("there");
    signets["cases"][7]["world"] = json!("Z");
    let records = folder.json.get_mut("mrec.json").expect("there");
    records["parse"][3]["txt"] = json!(7);
    let report = judged(&folder);
    let whys: Vec<String> = report
        .files
        .iter()
        .flat_map(|file| &file.failures)
        .map(|failure| format!("{} {}", failure.path, failure.differences[0].recorded))
        .collect();
    let wanted = [
        "parse[3] mrec.json: parse[3].txt is not text",
        "cases[7] signets_valid.json: cases[7].world is not a world in worlds.json",
    ];
    assert_eq!(whys, wanted);
    assert_eq!(report.total.cases, 39 + 60 + 2);
}

#[test]
fn what_libdime_refuses_to_make_is_judged_too() {
    for report in [
        changed("mrec.json", "genrec", 0, |case| {
            case["exit_code"] = json!(1);
            case["output"] = json!("");
            case["joined_record"] = json!(null);
            case["parse"] = json!(null);
        }),
        changed("messages_encrypt_errors.json", "cases", 1, |case| {
            case["inputs"]["display_count"] = json!(100);
            case["libdime"] = json!({ "encrypt_ok": true });
        }),
        changed("dmtp.json", "format", 0, |case| {
            *case = json!({
                "command": "STARTTLS",
                "arguments": { "a1": "a.example", "mode": 3 },
                "libdime": { "ok": false },
            });
        }),
    ] {
        assert!(report.passed, "{}", report.to_text());
    }
    let report = changed("primitives.json", "base64_encode", 0, |case| {
        case["padded"] = json!(null);
    });
    assert_eq!(failures(&report)[0].1.first(), Some(&"padded"));
}

#[test]
fn a_case_in_which_nothing_is_compared_fails() {
    let report = changed("messages_corrupt.json", "cases", 0, |case| {
        case["actors"] = json!({});
    });
    assert_eq!(failures(&report)[0].1.first(), Some(&"comparisons"));
}

#[test]
fn lists_and_attempts_that_are_not_known_are_told() {
    let mut folder = some_of(&["primitives.json", "stacie.json"]);
    folder.json.get_mut("primitives.json").expect("there")["sha256"] = json!([{ "id": "a" }]);
    let stacie = folder.json.get_mut("stacie.json").expect("there");
    stacie["derivations"] = json!([]);
    stacie["errors"][1]["id"] = json!("token_nonce_127");
    let report = judged(&folder);
    assert!(report.passed, "{}", report.to_text());
    let wanted = ["sha256 of primitives.json", "errors[1] of stacie.json"];
    assert_eq!(report.not_understood, wanted);
}

#[test]
fn whatever_is_recorded_is_looked_at() {
    let aspect = |report: Report| {
        let found = failures(&report);
        let aspects = found.first().map(|(_, aspects)| aspects.iter().copied());
        aspects.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let corrupt = |value: &mut Value| {
        let text = value.as_str().expect("text");
        *value = json!(text.replacen(['A', '0', '1'], "7", 1));
    };
    let report = changed("mrec.json", "genrec", 0, |case| {
        corrupt(&mut case["output"])
    });
    assert_eq!(aspect(report), "joined output, output");
    let report = changed("mrec.json", "genrec", 0, |case| {
        case["exit_code"] = json!(1)
    });
    assert_eq!(aspect(report), "exit code");
    let report = changed("primitives.json", "base64_encode", 7, |case| {
        corrupt(&mut case["with_line_breaks"]);
    });
    assert_eq!(aspect(report), "with line breaks");
    let mut folder = some_of(&["primitives.json"]);
    let file = folder.json.get_mut("primitives.json").expect("there");
    corrupt(&mut file["secp256k1_public_keys"][12]["kek_with_recipient_private_hex"]);
    assert_eq!(aspect(judged(&folder)), "kek");
    // What the origin cannot sign again is a difference, although a ruling is about its bytes.
    let report = changed("messages_valid.json", "cases", 0, |case| {
        case["inputs"]["private_keys"]["origin"] = json!("third");
    });
    assert_eq!(failures(&report)[0].0, "A/small/b0");
    assert!(aspect(report).contains("chunks"));
}
