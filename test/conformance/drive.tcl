# Runs one unit of Redis's own test suite against a server that runs already (the suite's external mode), test by test.
#
#   tclsh drive.tcl HOST PORT UNIT SKIPFILE      in the suite's folder (the one that holds tests/)
#
# The suite's own procedures are used as they are, but for these:
#   - what a failed command outside a test would end (a file, a start_server or tags block) goes on with its next command;
#   - after a test that failed, the configuration and the main client are put back, so that later tests begin as they should;
#   - commands that the server says it does not have are noted with the test that met them, and with the tests that use a key
#     which such a command should have written.
#
# Each event is a line on standard output; the rest that is printed there comes from the suite:
#   @event STATUS MILLISECONDS MISSING TEXT     MISSING: commands, joined by commas, or -; TEXT: base64 of UTF-8
# STATUS: testing, ok, err, skip, ignore (a tag denies it), broken (a command between tests failed), done.

lassign $argv drive_host drive_port drive_unit drive_skipfile
set argv [list --client 0 --host $drive_host --port $drive_port --durable --skipfile $drive_skipfile --clients 1]
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
set ::drive_name "the start of the unit"

proc drive_event {status elapsed missing text} {
    if {$missing eq {}} {set missing -}
    puts "@event $status $elapsed [join $missing ,] [binary encode base64 [encoding convertto utf-8 $text]]"
    flush stdout
}

proc send_data_packet {fd status data {elapsed 0}} {
    switch $status {
        testing {set ::drive_name $data}
        err {set ::drive_failed 1}
    }
    drive_event $status $elapsed [lsort -unique $::drive_missing] $data
}

# The command that an error says is missing, or nothing.
proc drive_missing_command {error} {
    if {[regexp {^ERR Folio does not have (\S+) yet} $error _ name]} {return [string tolower $name]}
    if {[regexp {^ERR unknown command '([A-Za-z|]+)'} $error _ name]} {return [string tolower $name]}
    if {[regexp {^ERR unknown subcommand '([A-Za-z|]+)'. Try (\S+) HELP} $error _ name parent]} {
        return [string tolower "$parent|$name"]
    }
}

rename ::redis::redis_read_reply ::redis::drive_read_reply
proc ::redis::redis_read_reply {id fd} {
    set code [catch {::redis::drive_read_reply $id $fd} reply]
    if {$code == 1} {
        set name [drive_missing_command $reply]
        if {$name ne {}} {lappend ::drive_missing $name}
    }
    return -code $code $reply
}

# Keys that a missing command should have written taint the tests that use them, until they are written over.
rename ::redis::__dispatch__raw__ ::redis::drive_dispatch
proc ::redis::__dispatch__raw__ {id method arguments} {
    set verb [string tolower $method]
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
        set name [drive_missing_command $reply]
        if {$name ne {}} {set ::drive_tainted([lindex $arguments 0]) $name}
    }
    return -code $code $reply
}

# A pattern that matches just this text.
proc drive_plain {text} {
    string map {\\ \\\\ * \\* ? \\? \[ \\\[ \] \\\]} $text
}

# Runs body on a connection of its own.
proc drive_aside {client body} {
    upvar 1 $client c
    catch {
        set c [redis $::host $::port]
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
    set before [drive_configuration]
    uplevel 1 [list drive_test {*}$args]
    set ::drive_missing {}
    if {$::drive_failed} {drive_restore $before}
}

# Runs the commands of a script one by one at a level of the stack, going on after those that fail.
proc drive_script {script level} {
    set command {}
    foreach line [split $script \n] {
        append command $line \n
        if {[string index $line end] eq "\\" || ![info complete $command]} continue
        set code [catch {uplevel $level $command} result options]
        if {$code == 1} {
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

proc run_external_server_test {code overrides} {
    set client [redis $::host $::port]
    $client select 9
    lappend ::servers [dict create host $::host port $::port client $client config [dict create port $::port]]
    r flushall
    catch {r function flush}
    set saved {}
    foreach {name value} $overrides {
        dict set saved $name [lindex [r config get $name] 1]
        if {[catch {r config set $name $value} error]} {
            drive_event broken 0 {} "after \"$::drive_name\"\n$error\nconfig set $name $value"
        }
        if {$name eq "appendonly" && $value eq "yes"} {waitForBgrewriteaof r}
    }
    # Two levels up of this procedure is the block; drive_script adds one.
    drive_script $code 3
    dict for {name value} $saved {
        if {[catch {r config set $name $value}]} {drive_restore [list $name $value]}
    }
    catch {[dict get [lpop ::servers] client] close}
}

if {[catch {execute_test_file $drive_unit} error]} {
    drive_event broken 0 {} "$drive_unit\n$error\n$::errorInfo"
}
drive_event done 0 {} $drive_unit
