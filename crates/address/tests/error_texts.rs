//! What a user reads when an address is wrong, to the last space.
//!
//! Each text is the whole error: the sentence, the address, the caret with what is right there.

use address::Address;

/// The error of a text, which must have one.
fn error(text: &str) -> String {
    match text.parse::<Address>() {
        Ok(address) => panic!("{text} is taken for {address}"),
        Err(error) => error.to_string(),
    }
}

/// Tests named by behaviour, each of one text and the whole of its error.
macro_rules! refused {
    ($($name:ident: $text:expr => $($line:expr),+;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(error($text), [$($line),+].join("\n"));
        })*
    };
}

#[rustfmt::skip]
refused! {
    no_text_is_no_address: "" =>
        "there is no address",
        "  ",
        "  ^ such as tcp://HOST:PORT, unix:PATH or -";
    options_without_a_place_are_no_address: "?nodelay" =>
        "there is no address",
        "  ?nodelay",
        "  ^ such as tcp://HOST:PORT, unix:PATH or -";

    an_unknown_scheme_is_told_the_known_ones: "http://host:80" =>
        "http is no scheme",
        "  http://host:80",
        "  ^^^^ tcp, udp, unix, unix-dgram, unix-seqpacket, fd, exec, sh, file, fifo, pty, serial or tun; or a layer: tls, ws, proxy, impair, tap or wss";
    a_mistyped_scheme_is_told_the_nearest: "tpc://host:80" =>
        "tpc is no scheme",
        "  tpc://host:80",
        "  ^^^ did you mean tcp?";
    a_mistyped_scheme_before_a_path_is_no_host: "unx:/run/x" =>
        "unx is no scheme",
        "  unx:/run/x",
        "  ^^^ did you mean unix?";
    a_scheme_in_capitals_is_told_the_right_one: "TCP://host:80" =>
        "TCP is no scheme",
        "  TCP://host:80",
        "  ^^^ did you mean tcp?";
    a_scheme_alone_is_told_what_follows_it: "fd" =>
        "fd is a scheme, not yet an address: fd:N",
        "  fd",
        "  ^^ fd:N";
    one_colon_is_told_two_slashes: "tcp:host:80" =>
        "tcp is written with two slashes: tcp://HOST:PORT",
        "  tcp:host:80",
        "  ^^^^^^^^^^^ tcp://host:80";
    one_colon_and_a_port_is_told_any_host: "udp:80?ttl=1" =>
        "udp is written with two slashes: udp://HOST:PORT",
        "  udp:80?ttl=1",
        "  ^^^^^^ udp://:80";

    a_layer_over_datagrams_is_told_what_it_lies_on: "tls+udp://host:80" =>
        "tls over udp is not there: tls lies on a byte stream: tcp, unix, fd, exec and sh",
        "  tls+udp://host:80",
        "  ^^^ over tcp, unix, fd, exec or sh";
    a_layer_over_standard_input_is_told_what_it_lies_on: "ws+-" =>
        "ws over - is not there: ws lies on a byte stream: tcp, unix, fd, exec and sh",
        "  ws+-",
        "  ^^ over tcp, unix, fd, exec or sh";
    a_layer_over_messages_is_told_what_comes_first: "proxy+ws+tcp://host:80" =>
        "proxy over ws is not there: proxy lies on a byte stream, and ws carries messages",
        "  proxy+ws+tcp://host:80",
        "  ^^^^^ ws is the outermost, which is written first";
    a_layer_given_twice_is_refused: "tls+wss://host:80" =>
        "tls is given twice",
        "  tls+wss://host:80",
        "  ^^^ tls is given once";
    a_mistyped_layer_is_told_the_nearest: "ws+tsl+tcp://host:80" =>
        "tsl is no layer",
        "  ws+tsl+tcp://host:80",
        "     ^^^ did you mean tls?";
    a_mistyped_layer_alone_is_told_the_nearest: "porxy://host:80" =>
        "porxy is no scheme",
        "  porxy://host:80",
        "  ^^^^^ did you mean proxy?";
    an_unknown_layer_is_told_the_known_ones: "gzip+unix:/run/x" =>
        "gzip is no layer",
        "  gzip+unix:/run/x",
        "  ^^^^ tls, ws, proxy, impair, tap or wss";
    a_transport_under_layers_may_be_mistyped: "tls+unx:/run/x" =>
        "unx is no scheme",
        "  tls+unx:/run/x",
        "      ^^^ did you mean unix?";
    a_transport_before_a_layer_is_told_its_place: "tcp+tls://host:80" =>
        "tcp is no layer",
        "  tcp+tls://host:80",
        "  ^^^ the transport is one, and written last";
    a_plus_without_a_layer_is_shown: "ws++tcp://host:80" =>
        "a layer or a transport is missing",
        "  ws++tcp://host:80",
        "     ^ such as ws+tls+tcp";
    a_layer_alone_is_told_what_follows_it: "wss" =>
        "wss is a scheme, not yet an address: wss://HOST:PORT",
        "  wss",
        "  ^^^ wss://HOST:PORT";
    a_layer_over_a_path_is_told_its_transport: "tls:/run/x.sock" =>
        "tls is written with two slashes: tls://HOST:PORT",
        "  tls:/run/x.sock",
        "  ^^^^^^^^^^^^^^^ tls+unix:/run/x.sock";
    a_layer_with_one_colon_is_told_two_slashes: "wss:host:443" =>
        "wss is written with two slashes: wss://HOST:PORT",
        "  wss:host:443",
        "  ^^^^^^^^^^^^ wss://host:443";
    a_host_that_is_called_as_a_layer_is_told_its_scheme: "proxy:3128" =>
        "proxy is written with two slashes: proxy://HOST:PORT",
        "  proxy:3128",
        "  ^^^^^^^^^^ proxy://:3128, or tcp://proxy:3128 if that is a host";
    a_layer_without_a_port_is_told_the_form: "wss://example.org/chat" =>
        "wss needs a port: wss://HOST:PORT",
        "  wss://example.org/chat",
        "        ^^^^^^^^^^^ example.org:PORT";

    a_port_above_65535_is_refused: "tcp://:898989" =>
        "port 898989 is above 65535",
        "  tcp://:898989",
        "         ^^^^^^ a number from 0 to 65535";
    a_port_just_above_65535_is_refused: "127.0.0.1:65536" =>
        "port 65536 is above 65535",
        "  127.0.0.1:65536",
        "            ^^^^^ a number from 0 to 65535";
    a_port_of_many_digits_is_refused: ":99999999999999999999999" =>
        "port 99999999999999999999999 is above 65535",
        "  :99999999999999999999999",
        "   ^^^^^^^^^^^^^^^^^^^^^^^ a number from 0 to 65535";
    a_negative_port_is_refused: "tcp://host:-1" =>
        "-1 is no port",
        "  tcp://host:-1",
        "             ^^ a number from 0 to 65535, or a service name such as http";
    a_missing_port_is_told_the_form: "tcp://host?nodelay" =>
        "tcp needs a port: tcp://HOST:PORT",
        "  tcp://host?nodelay",
        "        ^^^^ host:PORT";
    an_empty_port_is_missing: "udp://host:" =>
        "udp needs a port: udp://HOST:PORT",
        "  udp://host:",
        "        ^^^^^ host:PORT";
    a_number_alone_is_told_the_form_of_a_port: "tcp://80" =>
        "tcp needs a port: tcp://HOST:PORT",
        "  tcp://80",
        "        ^^ :80";
    a_host_alone_is_told_the_form: "localhost" =>
        "tcp needs a port: tcp://HOST:PORT",
        "  localhost",
        "  ^^^^^^^^^ localhost:PORT";
    a_path_after_the_port_is_refused: "tcp://host:80/index.html" =>
        "/index.html is no port",
        "  tcp://host:80/index.html",
        "               ^^^^^^^^^^^ nothing but ?OPTION follows the port";

    ipv6_without_brackets_is_told_the_brackets: "::1:80" =>
        "an IPv6 address is written in brackets",
        "  ::1:80",
        "  ^^^^^^ [::1]:80";
    ipv6_without_brackets_or_port_is_told_both: "tcp://2001:db8::1" =>
        "an IPv6 address is written in brackets",
        "  tcp://2001:db8::1",
        "        ^^^^^^^^^^^ [2001:db8::1]:PORT";
    ipv6_with_a_zone_is_told_the_brackets: "udp://fe80::1%eth0:80" =>
        "an IPv6 address is written in brackets",
        "  udp://fe80::1%eth0:80",
        "        ^^^^^^^^^^^^^^^ [fe80::1%eth0]:80";
    a_bracket_that_does_not_close_is_shown: "tcp://[::1:80" =>
        "[::1:80 is no IPv6 address",
        "  tcp://[::1:80",
        "        ^^^^^^^ the closing ] is missing";
    a_name_in_brackets_is_no_ipv6: "[localhost]:80" =>
        "localhost is no IPv6 address",
        "  [localhost]:80",
        "   ^^^^^^^^^ an address such as [::1] or [fe80::1%eth0]";
    an_empty_zone_is_refused: "[fe80::1%]:80" =>
        "a zone is an interface of 1 to 15 bytes",
        "  [fe80::1%]:80",
        "           ^ an interface, such as [fe80::1%eth0]";
    ipv4_out_of_range_is_no_name: "tcp://256.1.1.1:80" =>
        "256.1.1.1 is no IPv4 address",
        "  tcp://256.1.1.1:80",
        "        ^^^^^^^^^ four numbers from 0 to 255, such as 127.0.0.1";
    a_user_before_the_host_is_refused: "tcp://me@host:80" =>
        "a host name cannot hold \"@\"",
        "  tcp://me@host:80",
        "          ^ a host alone: who calls has no place in an address";

    an_empty_path_is_refused: "unix:" =>
        "unix needs a path or a name: unix:PATH or unix:@NAME",
        "  unix:",
        "       ^ PATH or @NAME";
    an_empty_abstract_name_is_refused: "unix-seqpacket:@" =>
        "an abstract name has 1 to 107 bytes",
        "  unix-seqpacket:@",
        "                 ^ unix-seqpacket:@NAME";
    an_abstract_name_alone_is_told_its_scheme: "@bus" =>
        "an abstract name needs its scheme: unix:PATH or unix:@NAME",
        "  @bus",
        "  ^^^^ unix:@bus";
    a_host_in_a_path_is_refused: "unix://run/x" =>
        "unix is written without a host: unix:PATH or unix:@NAME",
        "  unix://run/x",
        "       ^^^^^^^ unix:/run/x";
    a_path_without_its_dot_is_told_the_dot: "run/x.sock" =>
        "a path without a scheme begins with / or ./",
        "  run/x.sock",
        "  ^^^^^^^^^^ ./run/x.sock";
    a_nul_in_a_path_is_refused: "unix:/run/%00" =>
        "a path cannot hold a NUL byte",
        "  unix:/run/%00",
        "       ^^^^^^^^ a path without %00; @NAME may hold it";
    half_a_percent_code_is_refused: "unix:/run/100%?mode=600" =>
        "a % is followed by two hexadecimal digits",
        "  unix:/run/100%?mode=600",
        "               ^ a % itself is written %25";

    a_descriptor_is_a_number: "fd:stdin" =>
        "a descriptor is a number from 0 to 2147483647",
        "  fd:stdin",
        "     ^^^^^ a number, such as fd:3";
    a_descriptor_has_the_kernels_bound: "fd:2147483648" =>
        "a descriptor is a number from 0 to 2147483647",
        "  fd:2147483648",
        "     ^^^^^^^^^^ a number, such as fd:3";

    a_scheme_of_programs_needs_a_command: "exec: " =>
        "exec needs a command: exec:COMMAND",
        "  exec: ",
        "       ^ such as exec:cat";
    a_quote_of_a_command_is_closed: "exec:echo it's" =>
        "a quote in the command is not closed",
        "  exec:echo it's",
        "       ^^^^^^^^^ a quote that is meant as itself is written \\\" or \\'";
    a_nul_in_a_command_is_refused: "sh:echo %00" =>
        "a command is text in UTF-8, without a NUL byte",
        "  sh:echo %00",
        "     ^^^^^^^^ a command without %00";
    a_question_mark_of_a_command_is_no_option: "sh:test $? -eq 0" =>
        " -eq 0 is no option",
        "  sh:test $? -eq 0",
        "            ^^^^^^ a ? that belongs to the command is written %3F";

    a_mistyped_option_is_told_the_nearest: "tcp://host:80?ttl=3&nodleay" =>
        "nodleay is no option",
        "  tcp://host:80?ttl=3&nodleay",
        "                      ^^^^^^^ did you mean nodelay?";
    an_unknown_option_is_said_to_be_unlike_any: "udp://host:80?colour=red" =>
        "colour is no option",
        "  udp://host:80?colour=red",
        "                ^^^^^^ no option of udp has a name like it";
    a_place_without_options_says_so: "-?nodelay=on&x" =>
        "nodelay does not apply to -, only to tcp",
        "  -?nodelay=on&x",
        "    ^^^^^^^ only for tcp";
    an_option_of_another_transport_names_the_right_ones: "udp://:53?backlog=5" =>
        "backlog does not apply to udp, only to tcp, unix and unix-seqpacket",
        "  udp://:53?backlog=5",
        "            ^^^^^^^ only for tcp, unix and unix-seqpacket";
    an_option_given_twice_is_refused: "tcp://:80?ttl=3&ttl=4" =>
        "ttl is given twice",
        "  tcp://:80?ttl=3&ttl=4",
        "                  ^^^^^ ttl is given once";
    v4_and_v6_together_are_refused: "tcp://:80?v4&v6" =>
        "v6 and v4 exclude each other",
        "  tcp://:80?v4&v6",
        "               ^^ one of v6 and v4";
    an_authority_and_a_pin_together_are_refused: "tls://h:443?ca=ca.pem&pin=sha256:0101010101010101010101010101010101010101010101010101010101010101" =>
        "pin and ca exclude each other",
        "  tls://h:443?ca=ca.pem&pin=sha256:0101010101010101010101010101010101010101010101010101010101010101",
        "                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ one of pin and ca";
    an_oldest_version_above_the_newest_is_refused: "tls://h:443?tls-max=1.2&tls-min=1.3" =>
        "tls-min is a later version than tls-max",
        "  tls://h:443?tls-max=1.2&tls-min=1.3",
        "                          ^^^^^^^^^^^ the two in their order";
    an_empty_option_is_refused: "tcp://:80?v4&&nodelay" =>
        "an option is missing",
        "  tcp://:80?v4&&nodelay",
        "               ^ OPTION or OPTION=VALUE";
    an_option_without_its_value_is_told_which: "tcp://:80?ttl" =>
        "ttl needs a value",
        "  tcp://:80?ttl",
        "            ^^^ ttl= and a number from 1 to 255";
    a_value_out_of_bounds_is_told_the_bounds: "tcp://:80?ttl=256" =>
        "ttl is a number from 1 to 255",
        "  tcp://:80?ttl=256",
        "                ^^^ a number from 1 to 255";
    a_duration_without_a_unit_is_told_so: "tcp://:80?keepalive=30" =>
        "keepalive: a duration needs a unit, such as 30s or 250ms",
        "  tcp://:80?keepalive=30",
        "                      ^^ a duration from 1s to 32767s, such as 30s";
    a_duration_finer_than_the_kernel_counts_is_refused: "tcp://:80?keepalive=1500ms" =>
        "keepalive: the kernel counts it in whole s",
        "  tcp://:80?keepalive=1500ms",
        "                      ^^^^^^ a duration from 1s to 32767s, such as 30s";
    a_size_of_k_is_told_the_units: "tcp://:80?rcvbuf=64k" =>
        "rcvbuf: the units of a size are KiB, MiB, GiB, TiB (1024) and kB, MB, GB, TB (1000)",
        "  tcp://:80?rcvbuf=64k",
        "                   ^^^ a size from 1 to 2147483647 bytes, such as 64KiB";
    a_mode_above_777_is_refused: "unix:/x?mode=1777" =>
        "mode is an octal number from 0 to 777",
        "  unix:/x?mode=1777",
        "               ^^^^ an octal number from 0 to 777";
    a_group_must_be_multicast: "udp://:5353?join=10.0.0.1" =>
        "join is a multicast address, such as 239.1.2.3 or ff02::1234",
        "  udp://:5353?join=10.0.0.1",
        "                   ^^^^^^^^ a multicast address, such as 239.1.2.3 or ff02::1234";
    a_flag_is_on_or_off: "tcp://:80?nodelay=maybe" =>
        "nodelay is on or off",
        "  tcp://:80?nodelay=maybe",
        "                    ^^^^^ on or off";
    a_value_that_is_no_utf8_is_refused: "tcp://:80?congestion=%FF" =>
        "the value of an option is text in UTF-8",
        "  tcp://:80?congestion=%FF",
        "                       ^^^ 1 to 15 bytes of text";
    a_bind_of_bare_ipv6_is_told_the_brackets: "tcp://h:80?bind=::1" =>
        "bind is HOST, HOST:PORT or :PORT, IPv6 in brackets",
        "  tcp://h:80?bind=::1",
        "                  ^^^ HOST, HOST:PORT or :PORT, IPv6 in brackets";

    an_option_of_a_layer_that_is_not_there_is_told_how_to_have_it: "tcp://host:80?cert=cert.pem" =>
        "cert is an option of tls; write tls://…",
        "  tcp://host:80?cert=cert.pem",
        "                ^^^^ only for tls";
    an_option_of_a_layer_is_told_where_it_lies_here: "ws+unix:/x?cert=cert.pem" =>
        "cert is an option of tls; write wss+unix:…",
        "  ws+unix:/x?cert=cert.pem",
        "             ^^^^ only for tls";
    an_option_of_a_layer_is_refused_where_none_lies: "udp://host:80?path=/chat" =>
        "path is an option of ws; ws lies on a byte stream: tcp, unix, fd, exec and sh",
        "  udp://host:80?path=/chat",
        "                ^^^^ only for ws";
    an_option_of_every_layer_names_them_all: "tcp://host:80?handshake-timeout=1s" =>
        "handshake-timeout is an option of tls, ws and proxy; write tls://…",
        "  tcp://host:80?handshake-timeout=1s",
        "                ^^^^^^^^^^^^^^^^^ only for tls, ws and proxy";
    a_query_is_told_its_place: "ws://host:80/chat?room=1" =>
        "room is no option",
        "  ws://host:80/chat?room=1",
        "                    ^^^^ no option of ws has a name like it; a query is in the path: path=/PATH%3FQUERY";
    a_path_given_twice_is_refused: "ws://host:80/chat?path=/other" =>
        "path is given twice",
        "  ws://host:80/chat?path=/other",
        "                    ^^^^^^^^^^^ path is given once";
    a_fragment_has_no_place_in_a_path: "ws://host:80/chat#top" =>
        "path is a path of visible ASCII that begins with /, without #",
        "  ws://host:80/chat#top",
        "              ^^^^^^^^^ a path of visible ASCII that begins with /, without #";
    a_path_under_tls_alone_is_refused: "tls://host:443/index.html" =>
        "/index.html is no port",
        "  tls://host:443/index.html",
        "                ^^^^^^^^^^^ nothing but ?OPTION follows the port";
    a_path_begins_with_a_slash: "ws://host:80?path=chat" =>
        "path is a path of visible ASCII that begins with /, without #",
        "  ws://host:80?path=chat",
        "                    ^^^^ a path of visible ASCII that begins with /, without #";
    a_pin_is_a_fingerprint: "tls://host:443?pin=sha256:0f" =>
        "pin is sha256: and 64 hexadecimal digits",
        "  tls://host:443?pin=sha256:0f",
        "                     ^^^^^^^^^ sha256: and 64 hexadecimal digits";
    an_unknown_version_is_told_the_known_ones: "tls://host:443?tls-min=1.1" =>
        "tls-min is 1.2 or 1.3",
        "  tls://host:443?tls-min=1.1",
        "                         ^^^ 1.2 or 1.3";
    a_header_has_a_colon: "ws://host:80?header=Cookie" =>
        "header is NAME:VALUE, such as Authorization:Bearer TOKEN",
        "  ws://host:80?header=Cookie",
        "                      ^^^^^^ NAME:VALUE, such as Authorization:Bearer TOKEN";
    a_header_cannot_begin_another: "ws://host:80?header=A:b%0D%0AC:d" =>
        "header: a control character has no place in it",
        "  ws://host:80?header=A:b%0D%0AC:d",
        "                      ^^^^^^^^^^^^ NAME:VALUE, such as Authorization:Bearer TOKEN";
    an_origin_is_a_site: "ws://:80?origin=example.org" =>
        "origin is https://HOST, any, same or null",
        "  ws://:80?origin=example.org",
        "                  ^^^^^^^^^^^ https://HOST, any, same or null";

    escape_codes_are_shown_and_the_caret_lines_up: "tcp://a\u{1b}[2Jb:80" =>
        "a host name cannot hold \"\\u{1b}\"",
        "  tcp://a\\u{1b}[2Jb:80",
        "         ^^^^^^ a name has no space, control character or any of /:[]?&#%=@*";
    a_line_break_is_shown_and_the_caret_lines_up: "unix:/a\nb?nodelay" =>
        "nodelay does not apply to unix, only to tcp",
        "  unix:/a\\nb?nodelay",
        "             ^^^^^^^ only for tcp";
    wide_characters_count_two_columns: "tcp://日本:898989" =>
        "port 898989 is above 65535",
        "  tcp://日本:898989",
        "             ^^^^^^ a number from 0 to 65535";
}

#[test]
fn a_path_of_108_bytes_is_refused_and_of_107_is_not() {
    let path = format!("unix:/{}", "x".repeat(106));
    assert!(path.parse::<Address>().is_ok());
    let longer = error(&format!("{path}x"));
    assert!(longer.starts_with("a Unix socket's name has 107 bytes at most, this one has 108\n"), "{longer}");
    assert!(format!("unix:@{}", "x".repeat(107)).parse::<Address>().is_ok());
    assert!(format!("unix:@{}", "x".repeat(108)).parse::<Address>().is_err());
}

#[test]
fn a_host_name_of_254_bytes_is_refused_and_of_253_is_not() {
    assert!(format!("{}:80", "x".repeat(253)).parse::<Address>().is_ok());
    let longer = error(&format!("{}:80", "x".repeat(254)));
    assert!(longer.starts_with("a host name has 253 bytes at most, this one has 254\n"), "{longer}");
}

#[test]
fn every_error_has_three_lines_and_says_what_is_right() {
    let texts = [
        "",
        "x",
        "tcp:",
        "tcp://",
        "tcp://[",
        "unix:@",
        "fd:",
        "-?x",
        "\n\n",
        "a:b:c",
        "tcp://:1?",
        "unix://",
    ];
    for text in texts {
        let Err(refused) = text.parse::<Address>() else { panic!("{text} is taken") };
        assert_eq!(refused.to_string().lines().count(), 3, "{refused}");
        assert!(refused.hint.is_some(), "{refused}");
    }
}

#[test]
fn a_service_name_of_33_bytes_is_refused_and_of_32_is_not() {
    assert!(format!("h:{}", "x".repeat(32)).parse::<Address>().is_ok());
    assert!(format!("h:{}", "x".repeat(33)).parse::<Address>().is_err());
}

#[test]
fn a_zone_of_16_bytes_is_refused_and_of_15_is_not() {
    assert!(format!("[fe80::1%{}]:80", "x".repeat(15)).parse::<Address>().is_ok());
    assert!(format!("[fe80::1%{}]:80", "x".repeat(16)).parse::<Address>().is_err());
}
