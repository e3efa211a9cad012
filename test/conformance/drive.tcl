# Runs one unit of Redis's own test suite test by test.
#
#   tclsh drive.tcl UNIT SKIPFILE external HOST PORT        against a server that runs already
#   tclsh drive.tcl UNIT SKIPFILE spawned LAUNCHER PORT     the suite starts servers (LAUNCHER CONFIG-FILE) on ports from PORT
#
# in the suite's folder (the one that holds tests/).
#
# The suite's own procedures are used as they are, but for these:
#   - what a failed command outside a test would end (a file, a start_server or tags block) goes on with its next command;
#   - after a test that failed, the configuration and the main client are put back, so that later tests begin as they should;
#   - commands that the server says it does not have are noted with the test that met them, and with the tests that use a key
#     which such a command should have written;
#   - a small list, and a small set of strings, may be a listpack, as since Redis 7.2, where 7.0's suite expects quicklist and hashtable.
#
# Each event is a line on standard output; the rest that is printed there comes from the suite:
#   @event STATUS MILLISECONDS MISSING TEXT     MISSING: commands, joined by commas, or -; TEXT: base64 of UTF-8
# STATUS: testing, ok, err, skip, ignore (a tag denies it), broken (a command between tests failed), done, spawned (TEXT: pid).

lassign $argv drive_unit drive_skipfile drive_mode drive_server drive_port
set argv [list --client 0 --durable --skipfile $drive_skipfile --clients 1]
if {$drive_mode eq "external"} {
    lappend argv --host $drive_server --port $drive_port
} else {
    lappend argv --baseport $drive_port --portcount 200
}
set argc [llength $argv]

# The suite's main file up to where it would start as a client of a test server.
set drive_helper [open tests/test_helper.tcl]
set drive_text [read $drive_helper]
close $drive_helper
set drive_end [string last "\nif {\$::client} \{" $drive_text]
if {$drive_end < 0} {
    puts stderr "tests/test_helper.tcl has no client part where drive.tcl expects it"
    exit 2
}
eval [string range $drive_text 0 $drive_end]
set ::test_server_fd none
# The same random numbers for every server.
expr {srand(7015)}

set ::drive_missing {}
array set ::drive_tainted {}
array set ::drive_deferring {}
set ::drive_may_fail 0
set ::drive_name "the start of the unit"

proc drive_event {status elapsed missing text} {
    if {$missing eq {}} {set missing -}
    puts "@event $status $elapsed [join $missing ,] [binary encode base64 [encoding convertto utf-8 $text]]"
    flush stdout
}

proc send_data_packet {fd status data {elapsed 0}} {
    switch $status {
        testing {set ::drive_name $data}
        err {
            set ::drive_failed 1
            drive_note $data
            drive_unread
        }
        server-spawned {
            drive_event spawned 0 {} $data
            return
        }
        server-spawning - server-killing - server-killed {return}
    }
    drive_event $status $elapsed [lsort -unique $::drive_missing] $data
}

# Notes the command that an error says is missing, and returns it, or nothing.
proc drive_note {error} {
    set name {}
    if {[regexp {ERR Folio does not have (\S+) yet} $error _ name]} {
    } elseif {[regexp {ERR unknown command '([A-Za-z_|-]+)'} $error _ name]} {
    } elseif {[regexp {ERR CLIENT (\S+) is not available yet} $error _ child]} {
        set name "client|$child"
    } elseif {[string match {*related to argument 'appendonly'*} $error] || [string match {*for 'loadaof'.*} $error]} {
        set name bgrewriteaof
    } elseif {[regexp {restricts who may do what by '\w+', which this version cannot enforce} $error]} {
        set name "acl|load"
    } elseif {[regexp {ERR unknown subcommand '([A-Za-z|-]+)'. Try (\S+) HELP} $error _ child parent]} {
        set name "$parent|$child"
    } else {
        return
    }
    set name [string tolower $name]
    lappend ::drive_missing $name
    return $name
}

rename ::redis::redis_read_reply ::redis::drive_read_reply
proc ::redis::redis_read_reply {id fd} {
    set code [catch {::redis::drive_read_reply $id $fd} reply]
    # A client that reads raw gets an error as a plain line.
    if {$code == 1 || [string index $reply 0] eq "-"} {drive_note $reply}
    return -code $code $reply
}

# Notes what the replies say that no one has read from this test's clients that defer reading: a failed test leaves them alone.
proc drive_unread {} {
    foreach id [array names ::drive_deferring] {
        if {![info exists ::redis::fd($id)]} continue
        set fd $::redis::fd($id)
        catch {
            fconfigure $fd -blocking 0
            foreach reply [split [read $fd] \n] {drive_note $reply}
            fconfigure $fd -blocking 1
        }
    }
}

# Keys that a missing command should have written taint the tests that use them, until they are written over.
rename ::redis::__dispatch__raw__ ::redis::drive_dispatch
proc ::redis::__dispatch__raw__ {id method arguments} {
    set verb [string tolower $method]
    if {$::redis::deferred($id)} {set ::drive_deferring($id) 1}
    if {[array size ::drive_tainted] > 0} {
        switch -- $verb {
            flushall - flushdb {array unset ::drive_tainted}
            set - setex - psetex - del - unlink {foreach key $arguments {array unset ::drive_tainted [drive_plain $key]}}
            default {
                foreach key $arguments {
                    if {[info exists ::drive_tainted($key)]} {lappend ::drive_missing $::drive_tainted($key)}
                }
            }
        }
    }
    set code [catch {uplevel 1 [list ::redis::drive_dispatch $id $method $arguments]} reply]
    if {$code == 1 && [llength $arguments] > 0} {
        set name [drive_note $reply]
        # The user of ACL SETUSER, the key of any other.
        if {$name ne {}} {set ::drive_tainted([lindex $arguments [string match *|* $name]]) $name}
    }
    return -code $code $reply
}

# A pattern that matches just this text.
proc drive_plain {text} {
    string map {\\ \\\\ * \\* ? \\? \[ \\\[ \] \\\]} $text
}

# Runs body on a connection of its own to the innermost server.
proc drive_aside {client body} {
    upvar 1 $client c
    catch {
        set c [redis [srv 0 host] [srv 0 port]]
        catch {uplevel 1 $body}
        $c close
    }
}

proc drive_configuration {} {
    set found {}
    drive_aside c {set found [$c config get *]}
    return $found
}

# Puts back what a failed test left: configuration, switches of DEBUG, the main client (in a transaction, in RESP3, behind by a reply).
proc drive_restore {before} {
    drive_aside c {
        catch {$c client unpause}
        catch {$c debug set-active-expire 1}
        set now [$c config get *]
        foreach {name value} $before {
            if {[dict exists $now $name] && [dict get $now $name] ne $value} {catch {$c config set $name $value}}
        }
    }
    if {[llength $::servers] > 0} {catch {reconnect}}
}

rename test drive_test
proc test {args} {
    set ::drive_missing {}
    set ::drive_failed 0
    array unset ::drive_deferring
    set before [drive_configuration]
    uplevel 1 [list drive_test {*}$args]
    set ::drive_missing {}
    if {$::drive_failed} {drive_restore $before}
}

rename assert_encoding drive_assert_encoding
proc assert_encoding {enc key} {
    set since72 [dict create list quicklist set hashtable]
    set type [r type $key]
    if {[dict exists $since72 $type] && [dict get $since72 $type] eq $enc && [r object encoding $key] eq "listpack"} return
    drive_assert_encoding $enc $key
}

# Runs the commands of a script one by one at a level of the stack, going on after those that fail.
proc drive_script {script level} {
    set command {}
    foreach line [split $script \n] {
        append command $line \n
        if {[string index $line end] eq "\\" || ![info complete $command]} continue
        set code [catch {uplevel $level $command} result options]
        if {$code == 1} {
            drive_note $result
            set where "after \"$::drive_name\""
            drive_event broken 0 [lsort -unique $::drive_missing] "$where\n$result\n[string trim $command]"
        } elseif {$code != 0} {
            break
        }
        set command {}
    }
    if {[string trim $command] ne {}} {drive_event broken 0 {} "$::drive_unit\nan unfinished command\n$command"}
}

proc execute_test_file {unit} {
    set ::curfile "tests/$unit.tcl"
    set file [open $::curfile]
    set script [read $file]
    close $file
    drive_script $script #0
}

proc tags {tags code} {
    set tags [string map {\" {}} $tags]
    set ::tags [concat $::tags $tags]
    if {[tags_acceptable $::tags reason]} {
        drive_script $code 2
    } else {
        incr ::num_aborted
        send_data_packet $::test_server_fd ignore $reason
    }
    set ::tags [lrange $::tags 0 end-[llength $tags]]
}

rename start_server drive_start_server
proc start_server {options {code undefined}} {
    set tags $::tags
    set servers $::servers
    if {$code eq "undefined"} {
        # Whoever starts a server by itself may want to see it fail.
        set ::drive_may_fail 1
        catch {uplevel 1 [list drive_start_server $options]} result options
        set ::drive_may_fail 0
        return -options $options $result
    }
    set failed [catch {uplevel 1 [list drive_start_server $options [list drive_script $code 1]]} error options]
    set ::tags $tags
    set ::servers $servers
    return -options $options $error
}

proc run_external_server_test {code overrides} {
    set client [redis $::host $::port]
    $client select 9
    lappend ::servers [dict create host $::host port $::port client $client config [dict create port $::port]]
    r flushall
    catch {r function flush}
    set ::drive_missing {}
    set saved {}
    foreach {name value} $overrides {
        dict set saved $name [lindex [r config get $name] 1]
        if {[catch {r config set $name $value} error]} {
            drive_event broken 0 {} "after \"$::drive_name\"\n$error\nconfig set $name $value"
        }
        if {$name eq "appendonly" && $value eq "yes"} {waitForBgrewriteaof r}
    }
    # Two levels up of this procedure is the block.
    uplevel 2 $code
    dict for {name value} $saved {
        if {[catch {r config set $name $value}]} {drive_restore [list $name $value]}
    }
    catch {[dict get [lpop ::servers] client] close}
}

proc spawn_server {config_file stdout stderr arguments} {
    set pid [exec $::drive_server $config_file {*}$arguments >> $stdout 2>> $stderr &]
    send_data_packet $::test_server_fd server-spawned $pid
    return $pid
}

# 1 when the port is taken. The suite looks for a process id in the log, which is a matter of wording.
proc wait_server_started {config_file stdout pid} {
    set file [open $config_file]
    set config [read $file]
    close $file
    regexp -line {^port (\d+)} $config _ port
    for {set tries 0} {$tries < 600} {incr tries} {
        if {[ping_server $::host $port]} {return 0}
        if {![is_alive [dict create pid $pid]]} {
            set log [exec cat $stdout [file dirname $stdout]/stderr]
            if {[regexp {Failed listening on port|Address already in use|EADDRINUSE} $log]} {return 1}
            if {$::drive_may_fail} {return 0}
            error "the server did not start: [string range $log end-600 end]"
        }
        after 100
    }
    error "the server on port $port did not answer in 60 s"
}

if {[catch {execute_test_file $drive_unit} error]} {
    drive_event broken 0 {} "$drive_unit\n$error\n$::errorInfo"
}
drive_event done 0 {} $drive_unit
