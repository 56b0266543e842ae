//! Signets and management records: made, shown, judged, changed.

use super::*;

#[test]
fn a_signet_is_shown_field_by_field() {
    let folder = society();
    let at = folder.path();
    insta::assert_snapshot!(done(at, "signet show alpha.signet"), @"
    kind        organization
    profile     libdime
    structure   identified
    identifier  alpha.example
    size        293 bytes
    fingerprints
      cryptographic  HYHqw7A0zuAFWbFwWsH/I0akkXdkgXoyYJ8VIitBZUtEwMAhev8nWfZaglCBVOS/hbtPiQOAZAxcuQlMeA8VTA
      full           +LjXgyC/awpoozmHh/PyLfJ1Gqycmq3LFfFzNdL00j8YE7JR3BkeNun4Pv/PcD8b6Mhee842r6AiUe4nvGquNg
      identified     h4MIbiUr5N6wETNtSaKy31Ani0o8H8DARx6rTsIDNoRY0etlOA7wf7bbl6yQpGXK/yOpauszq5gq0b1DS7L20w
    fields
        1  Primary-Organizational-Key   QIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
        3  Encryption-Key               AxuExVZ7EmRAmV0+1aq6BWXXHhg0YEgZ/5wX9enV3QeP
        4  Organizational-Signature     1F77OeMhNRRLNbuNCBRJEYlrFvFcCpPJWOrn+lIks9Yw1lOoFThOo5TsjN4YFsv8VXK4wgAhguRnQ33TuR28BQ==
       16  Name                         alpha
      253  Organizational-Signature     q40o1zswaiu1qPmBgDTZ6iMTWainDs+M/RVYqnKbparuYcIW2Tyr04P9qVp6ICI0mmjy5QjeBvjdzTvLLB5OAA==
      254  Signet-Identifier            alpha.example
      255  Organizational-Signature     qCXgHHME++Irgm+1fNzUw7lpjgWyPIyVsRqMJWXUf3A0ySoha6Pl9Qfj/DydVga7cYtj91I6TGOc0X8crzOfDQ==
    ");
    insta::assert_snapshot!(done(at, "signet show ann.ssr"), @"
    kind        request
    profile     libdime
    structure   request
    size        176 bytes
    fingerprints
      request        hg2HDMBnk5UjOGwZZzj515jmsiAOCUiKnnpjOz0a2j+WcExCs9U0vwnvuT9HmlR+3lFmrdqV9GQQw+DwA/PjFw
    fields
        1  User-Signing-Key             QIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU
        2  User-Encryption-Key          Ak1LbNE2EDLKm9KuudkAqk1F2erYCslCM3TEUaclTQdm
        3  Alternate-Encryption-Key     pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=
        5  User-Ssr-Signature           z4RXmUQXW4pzR+TQfa+MtxBBrCYGRNFWeaiV2eea8Ay9N3uzV12sm17yN6Mlv+soP17qOn6RSE8ygF1CRI3fBQ==
    ");
    let shown = json(at, "signet show --json ann.signet");
    assert_eq!(shown["kind"], "user");
    assert_eq!(shown["structure"], "identified");
    assert_eq!(shown["identifier"], "ann@alpha.example");
    assert_eq!(shown["fields"][0]["id"], 1);
    let kinds = shown["fingerprints"].as_array().map(Vec::len);
    assert_eq!(kinds, Some(4));
}

#[test]
fn a_signet_is_read_in_every_form_and_through_pipes() {
    let folder = society();
    let at = folder.path();
    let shown = done(at, "signet show ann.signet");
    for format in ["armor", "binary", "base64"] {
        let line =
            format!("signet sign --keys alpha.key --address ann@alpha.example --format {format}");
        let signed = run_with(at, &line, &read(at, "ann.ssr"));
        assert_eq!(signed.status.code(), Some(0), "{signed:?}");
        let output = run_with(at, "signet show", &signed.stdout);
        assert_eq!(String::from_utf8_lossy(&output.stdout), shown, "{format}");
        let output = run_with(at, "signet show -", &signed.stdout);
        assert_eq!(String::from_utf8_lossy(&output.stdout), shown, "{format}");
    }
}

#[test]
fn a_signet_holds_or_does_not_and_the_exit_status_tells() {
    let folder = society();
    let at = folder.path();
    let verify = "signet verify bob.signet --org beta.signet --name bob@beta.example";
    assert_eq!(done(at, verify), "identified\n");
    let verdict = json(at, &format!("{verify} --json"));
    assert_eq!(
        (&verdict["holds"], &verdict["state"]),
        (&true.into(), &"identified".into())
    );
    for (line, why) in [
        (
            "bob.signet --org alpha.signet",
            "bob.signet does not hold: invalid",
        ),
        (
            "bob.signet --org beta.signet --name ann@beta.example",
            "bob.signet does not hold: invalid",
        ),
        ("figment --org beta.signet", "figment is not a signet: "),
    ] {
        write(at, "figment", "no signet");
        let said = fails(at, &format!("signet verify {line}"), 1);
        assert!(said.starts_with(why), "{said}");
    }
    for (line, why) in [
        (
            "bob.signet",
            "a user's signet is judged with --organization",
        ),
        (
            "alpha.signet",
            "an organization's signet is judged with --record",
        ),
        (
            "bob.signet --org ann.signet",
            "ann.signet is not an organization's signet",
        ),
        ("nothing --org beta.signet", "failed to read nothing: "),
        ("bob.signet --org figment", "figment is not a signet: "),
    ] {
        let said = fails(at, &format!("signet verify {line}"), 2);
        assert!(said.starts_with(why), "{said}");
    }
    let unsound = run(at, "signet verify bob.signet --org alpha.signet --json");
    let verdict: serde_json::Value = serde_json::from_slice(&unsound.stdout).expect("is JSON");
    assert_eq!(
        (unsound.status.code(), &verdict["holds"]),
        (Some(1), &false.into())
    );
    let anchor = done(at, "record new --keys alpha.key");
    write(at, "alpha.txt", anchor);
    for (line, state, reason) in [
        (
            "bob.signet --org alpha.signet",
            "invalid",
            "bob.signet does not hold: invalid",
        ),
        (
            "bob.signet --org beta.signet --record alpha.txt",
            "unknown",
            "beta.signet does not hold: unknown",
        ),
        (
            "figment --org beta.signet",
            "malformed",
            "figment is not a signet: ",
        ),
    ] {
        let output = run(at, &format!("signet verify {line} --json"));
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).expect("is JSON");
        assert_eq!(
            (output.status.code(), &verdict["holds"], &verdict["state"]),
            (Some(1), &false.into(), &state.into())
        );
        let told = verdict["reason"].as_str().unwrap_or_default();
        assert!(told.starts_with(reason), "{told}");
    }
}

#[test]
fn rotated_signets_hold_in_their_chain_and_only_there() {
    let folder = society();
    let at = folder.path();
    done(
        at,
        "signet rotate --keys ann.key --new-keys second.key -o second.ssr",
    );
    done(
        at,
        "signet rotate --keys second.key --new-keys third.key -o third.ssr",
    );
    for (name, previous) in [("second", "ann"), ("third", "second")] {
        done(
            at,
            &format!(
                "signet sign {name}.ssr --previous {previous}.signet --keys alpha.key --address ann@alpha.example -o {name}.signet"
            ),
        );
    }
    let chain = "--org alpha.signet --name ann@alpha.example";
    let verify = |line: &str| format!("signet verify {line} {chain}");
    assert_eq!(
        done(at, &verify("second.signet --previous ann.signet")),
        "identified\n"
    );
    let whole = "third.signet --previous ann.signet --previous second.signet";
    assert_eq!(done(at, &verify(whole)), "identified\n");
    let without = fails(at, &verify("third.signet --previous ann.signet"), 1);
    assert_eq!(
        without,
        "third.signet does not hold: broken-custody in signet 1 of its chain"
    );
    let alone = fails(at, &verify("second.signet"), 1);
    assert_eq!(alone, "second.signet does not hold: broken-custody");
    // Another user's keys do not vouch.
    let other =
        "signet sign second.ssr --previous bob.signet --keys alpha.key --address ann@alpha.example";
    assert_eq!(
        fails(at, other, 1),
        "second.ssr: request does not hold: broken-custody"
    );
    // Whatever else is wrong with the request that is judged.
    write(at, "figment", "no request");
    for (request, code) in [("figment", 1), ("ann.signet", 1), ("nothing", 2)] {
        let line = other.replace("second.ssr", request);
        fails(at, &line, code);
    }
    assert_eq!(
        done(at, "signet verify second.ssr --previous ann.signet"),
        "request\n"
    );
}

#[test]
fn a_signet_is_cut_and_joined_again() {
    let folder = society();
    let at = folder.path();
    for form in ["cryptographic", "full"] {
        done(
            at,
            &format!("signet split ann.signet --at {form} -o {form}"),
        );
        assert_eq!(
            json(at, &format!("signet show --json {form}"))["structure"],
            form
        );
        done(
            at,
            &format!("signet rejoin {form} ann.signet -o joined --force"),
        );
        assert_eq!(read(at, "joined"), read(at, "ann.signet"));
    }
    let said = fails(at, "signet split cryptographic --at full", 2);
    assert_eq!(said, "cryptographic has no full form: it is cryptographic");
    let said = fails(at, "signet rejoin cryptographic bob.signet", 2);
    assert!(said.starts_with("cryptographic and bob.signet: "), "{said}");
}

#[test]
fn a_changed_signet_is_signed_anew_and_holds() {
    let folder = society();
    let at = folder.path();
    write(at, "motto", "Carpe diem");
    done(
        at,
        "signet edit ann.signet --keys alpha.key --org alpha.signet --set name=Ann --set Phone-Number=1 --set 21=2 --named Colour=blue --set-file Motto=motto -o changed",
    );
    assert_eq!(
        done(at, "signet verify changed --org alpha.signet"),
        "identified\n"
    );
    let fields = json(at, "signet show --json changed");
    let fields = fields["fields"].as_array().expect("are there").iter();
    let texts: Vec<_> = fields.filter_map(|field| field["text"].as_str()).collect();
    assert_eq!(
        texts,
        ["Ann", "1", "2", "Carpe diem", "blue", "ann@alpha.example"]
    );
    done(
        at,
        "signet edit changed --keys alpha.key --org alpha.signet --remove Name --remove 21 --remove motto --remove-named Colour -o back",
    );
    assert_eq!(read(at, "back"), read(at, "ann.signet"));
    let stranger = fails(
        at,
        "signet edit ann.signet --keys beta.key --org alpha.signet --set 16=x",
        2,
    );
    assert!(
        stranger.starts_with("ann.signet: signing key is not"),
        "{stranger}"
    );
    let said = fails(
        at,
        "signet edit ann.signet --keys alpha.key --set sixteen",
        2,
    );
    assert_eq!(said, "\"sixteen\" has no `=`");
    let said = fails(
        at,
        "signet edit ann.signet --keys alpha.key --set sixteen=x",
        2,
    );
    assert!(
        said.starts_with("\"sixteen\" is not an informational field"),
        "{said}"
    );
}

#[test]
fn the_fields_of_each_kind_are_told() {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    insta::assert_snapshot!(done(at, "signet fields request"), @"
      1  User-Signing-Key             required                255 bytes
      2  User-Encryption-Key          required              65535 bytes
      3  Alternate-Encryption-Key               repeats     65535 bytes
      4  Chain-Of-Custody-Signature                            64 bytes
      5  User-Ssr-Signature           required                 64 bytes
    ");
    let count = |kind: &str| {
        json(at, &format!("signet fields {kind} --json"))
            .as_array()
            .map(Vec::len)
    };
    assert_eq!(count("organization"), Some(34));
    assert_eq!(count("user"), Some(34));
}

#[test]
fn a_secondary_key_signs_for_its_organization() {
    let folder = society();
    let at = folder.path();
    done(at, "key new --owner organization -o deputy.key");
    done(
        at,
        "signet new --keys alpha.key --domain alpha.example --secondary signets+messages=deputy.key -o alpha.signet --force",
    );
    done(
        at,
        "signet sign ann.ssr --keys deputy.key --address ann@alpha.example -o deputy.signet",
    );
    assert_eq!(
        done(at, "signet verify deputy.signet --org alpha.signet"),
        "identified\n"
    );
    let said = fails(
        at,
        "signet new --keys alpha.key --domain a.example --secondary all=deputy.key",
        2,
    );
    assert_eq!(said, "\"all\" is not a permission");
}

#[test]
fn a_record_anchors_its_organization_and_no_other() {
    let folder = society();
    let at = folder.path();
    done(
        at,
        "record new --keys alpha.key --deliver mx.alpha.example --policy strict --subdomain relaxed --syndicate other.example --expiry-days 30 -o alpha.txt",
    );
    insta::assert_snapshot!(done(at, "record show alpha.txt"), @"
    version   1
    pok       iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
    policy    strict
    subdomain relaxed
    syndicate other.example
    deliver   mx.alpha.example
    expiry    30 days
    ");
    let shown = json(at, "record show --json alpha.txt");
    assert_eq!(
        (&shown["policy"], &shown["expiry_days"]),
        (&"strict".into(), &30.into())
    );
    let verify = "signet verify alpha.signet --record alpha.txt --name alpha.example";
    assert_eq!(done(at, verify), "identified\n");
    let whole = "signet verify ann.signet --org alpha.signet --record alpha.txt --json";
    assert_eq!(json(at, whole)["organization_anchored"], true);
    let said = fails(at, "signet verify beta.signet --record alpha.txt", 1);
    assert_eq!(said, "beta.signet does not hold: unknown");
    let said = fails(
        at,
        "signet verify bob.signet --org beta.signet --record alpha.txt",
        1,
    );
    assert_eq!(said, "beta.signet does not hold: unknown");
    let both = done(at, "record new --keys alpha.key --also beta.signet");
    assert_eq!(both.matches("pok=").count(), 2);
    let line = done(at, "record new --keys alpha.key --zone alpha.example");
    assert!(
        line.starts_with("_dx.alpha.example. IN TXT \"ver=1 pok="),
        "{line}"
    );
    write(at, "line", line);
    assert!(done(at, "record show line").contains("pok       iojj3"));
    done(
        at,
        "signet verify alpha.signet --record line --name alpha.example",
    );
    let many = " --deliver mx.alpha.example".repeat(80);
    let said = fails(at, &format!("record new --keys alpha.key{many}"), 2);
    assert_eq!(said, "record is not within the size limits");
    write(at, "broken", "ver=2 pok=x");
    write(
        at,
        "zone",
        "\"ver=1 pok=\" \"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w\"\n",
    );
    assert!(done(at, "record show zone").contains("pok       iojj3"));
    assert!(fails(at, "record show broken", 2).starts_with("broken: record "));
    let said = fails(at, "record new --keys alpha.key --deliver mx_alpha", 2);
    assert_eq!(said, "\"mx_alpha\" is not a host name");
    let said = fails(at, "record new --keys alpha.key --deliver mx.example:26", 2);
    assert!(said.starts_with("\"mx.example:26\" names a port"), "{said}");
}
