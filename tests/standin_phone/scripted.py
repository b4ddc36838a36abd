"""Programs of a phone that tell and change its state, as shell scripts that keep it in files.

Each does what AOSP's sources say, in the form in which they print it; the source of each behaviour
is named beside it (paths in frameworks/base unless another project is named). A test sets what the
hardware is like by files in the folder: see `HARDWARE`.
"""

from collections.abc import Mapping
from pathlib import Path

from standin_phone.local_link import LocalLink

# What is so in truth, whatever the services show. Further files that a test may write:
#   thermal_status  the skin sensor's throttling status
#   hal             true where a thermal HAL answers
#   hal_version     its version, where it is not the newest
#   skin            the type of the sensor of the skin: 3, or another where the phone has none
#   hal_battery     exists where the HAL has a sensor of type battery
#   saver           exists where the user has switched battery saver on
#   override        a status set by `cmd thermalservice override-status`
#   supplies        exists where the shell may read /sys/class/power_supply
#   unplug_wakes    exists where the screen comes on with a plug that is pulled
#   wakefulness, wake_locks, deep, light   of PowerManagerService and DeviceIdleController
#   clock_khz       of the only core that is told; pinned is lower
#   unpinnable      exists where fixed-performance mode changes nothing
#   log             what logcat shows
HARDWARE: Mapping[str, str] = {
    "ac": "false",
    "usb": "true",
    "wireless": "false",
    "dock": "false",
    "level": "80",
    "temp": "301",
    "status": "2",
}
OTHERS: Mapping[str, str] = {
    "thermal_status": "0",
    "hal": "true",
    "hal_version": "AIDL 2",
    "skin": "3",
    "wakefulness": "Asleep",
    "deep": "ACTIVE",
    "light": "ACTIVE",
    "clock_khz": "3200000",
    "wake_locks": "",
    "log": "",
}

# services/core/java/com/android/server/BatteryService.java:
#   unplugBattery  keeps the values of that moment, clears the charger's flags, stops updates
#   `set KEY V`    likewise with one value
#   update         changes what is shown only while updates are not stopped
#   resetBattery   goes back to what the health HAL reported last
#   dumpInternal   the form, with the line "UPDATES STOPPED"
# Charging itself is not touched by any of them: `status` and the current stay as they are.
# services/core/java/com/android/server/power/PowerManagerService.java:
#   updateIsPoweredLocked  turns the screen on where `config_unplugTurnsOnScreen` is set and the
#                          phone seems to be plugged in or unplugged
BATTERY = """
seem_replugged() { [ -e unplug_wakes ] && grep -q true hardware/usb && echo Awake > wakefulness; }
freeze() { [ -e stopped ] || { rm -rf shown; cp -r hardware shown; touch stopped; }; }
dump_battery() {
  from=hardware
  echo "Current Battery Service state:"
  if [ -e stopped ]; then
    from=shown
    echo "  (UPDATES STOPPED -- use 'reset' to restart)"
  fi
  echo "  AC powered: $(cat $from/ac)"
  echo "  USB powered: $(cat $from/usb)"
  echo "  Wireless powered: $(cat $from/wireless)"
  echo "  Dock powered: $(cat $from/dock)"
  echo "  Max charging current: 500000"
  echo "  Max charging voltage: 5000000"
  echo "  Charge counter: 3412000"
  echo "  status: $(cat $from/status)"
  echo "  health: 2"
  echo "  present: true"
  echo "  level: $(cat $from/level)"
  echo "  scale: 100"
  echo "  voltage: 4300"
  echo "  temperature: $(cat $from/temp)"
  echo "  technology: Li-ion"
}
battery() {
  case "$1" in
    unplug)
      freeze
      for flag in ac usb wireless dock; do echo false > shown/$flag; done
      seem_replugged;;
    set) freeze; echo "$3" > "shown/$2";;
    reset) [ -e stopped ] && { rm -f stopped; seem_replugged; };;
    ""|-a) dump_battery;;
  esac
}
"""

# services/core/java/com/android/server/power/ThermalManagerService.java:
#   constructor             the status starts as THROTTLING_NONE, which is 0, HAL or none
#   onTemperatureMapChangedLocked   the status is the highest of the sensors of type skin
#   ThermalHal10Wrapper     knows no throttling: every sensor's status is 0
#   onActivityManagerReady  without a HAL it returns before "HAL Ready" becomes true
#   dump                    the form; temperatures "from HAL" only where it is ready, and read then;
#                           "Cached temperatures" are of the last change of throttling
#   runOverrideStatus, runReset
# core/java/android/os/Temperature.java: the form of a temperature; type 2 battery, 3 skin.
THERMAL = """
degrees() { echo "$(( $1 / 10 )).$(( $1 % 10 ))"; }
thermalservice() {
  status=0
  [ "$(cat hal) $(cat skin)" = "true 3" ] && status=$(cat thermal_status)
  [ "$(cat hal_version)" = 1.0 ] && status=0
  overridden=false
  [ -e override ] && { overridden=true; status=$(cat override); }
  echo "IsStatusOverride: $overridden"
  echo "ThermalEventListeners:"
  echo "\tcallbacks: 2"
  echo "ThermalStatusListeners:"
  echo "\tcallbacks: 4"
  echo "Thermal Status: $status"
  echo "Cached temperatures:"
  [ -e hal_battery ] && echo "\tTemperature{mValue=25.0, mType=2, mName=battery, mStatus=0}"
  echo "HAL Ready: $(cat hal)"
  [ "$(cat hal)" = true ] || return 0
  echo "HAL connection:"
  echo "\tThermalHAL $(cat hal_version) connected: yes"
  echo "Current temperatures from HAL:"
  echo "\tTemperature{mValue=35.6, mType=$(cat skin), mName=VIRTUAL-SKIN, mStatus=$status}"
  [ -e hal_battery ] && echo "\tTemperature{mValue=$(degrees $(cat hardware/temp)), mType=2," \\
    "mName=battery, mStatus=0}"
  echo "Current cooling devices from HAL:"
  echo "\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}"
  echo "Temperature static thresholds from HAL:"
  echo "\tTemperatureThreshold{mType=2, mName=battery, mHotThrottlingThresholds=[NaN, 60.0]}"
}
"""

# services/core/java/com/android/server/power/PowerManagerService.java, dumpInternal: the lines used
#   of it. adjustWakeLockSummary, getWakeLockSummaryFlags: a wake lock keeps the processors on where
#   it is partial and not disabled, or where its program draws while the screen dozes.
#   updateSuspendBlockerLocked: the two suspend blockers.
# services/core/java/com/android/server/power/batterysaver/BatterySavingStats.java, dump.
#   BatterySaverStateMachine: a saver that is on goes off while Android knows of a charger, and
#   comes on again when the plug is pulled.
# apex/jobscheduler/service/java/com/android/server/DeviceIdleController.java: `get deep|light`.
POWER = """
power() {
  echo "POWER MANAGER (dumpsys power)"
  echo
  echo "Power Manager State:"
  echo "  mDirty=0x0"
  echo "  mWakefulness=$(cat wakefulness)"
  grep -v DISABLED wake_locks | grep -qE '(PARTIAL|DRAW)_WAKE_LOCK' && held=true || held=false
  echo "  mHoldingWakeLockSuspendBlocker=$held"
  [ "$(cat wakefulness)" = Awake ] && shown=true || shown=false
  echo "  mHoldingDisplaySuspendBlocker=$shown"
  echo
  echo "Wake Locks: size=$(grep -c LOCK wake_locks)"
  cat wake_locks
  echo
  echo "Suspend Blockers: size=4"
  echo
  echo "Battery saving stats:"
  from=hardware
  [ -e stopped ] && from=shown
  saver=OFF
  [ -e saver ] && ! grep -q true $from/ac $from/usb $from/wireless $from/dock && saver=ON
  echo "  Battery Saver is currently: $saver"
}
deviceidle() { [ "$1" = get ] && cat "$2"; }
"""

DUMPSYS = f"""cd {{folder}}
{BATTERY}{THERMAL}{POWER}
service=$1
shift
case $service in
  battery|thermalservice|power|deviceidle) $service "$@";;
  *) echo "Can't find service: $service" >&2;;
esac
"""

# services/core/java/com/android/server/power/PowerManagerShellCommand.java: the command, whose
# status is 0 where the power HAL takes the mode, whatever the clocks do. hardware/google/pixel,
# power-libperfmgr/libperfmgr/NodeLooperThread.cc: clocks change in a thread of their own, some time
# after the call.
CMD = """cd {folder}
case "$1 $2" in
  "power set-fixed-performance-mode-enabled")
    [ -e unpinnable ] || ( sleep {lag_s}; echo $3 > pinned ) >/dev/null 2>&1 &;;
  "thermalservice override-status") echo $3 > override;;
  "thermalservice reset") rm -f override;;
esac
"""

# Linux, Documentation/ABI/testing/sysfs-class-power: `temp` is in tenths of a degree, `capacity` in
# percent, `online` of a charger is 0 where none is connected. A peripheral's battery has the scope
# "Device".
GREP = """PATH=${PATH#*:}
case "$*" in
  *"/online"*)
    cd {folder}
    [ -e supplies ] || { echo "grep: */type: Permission denied" >&2; exit 2; }
    echo "battery/type:Battery"
    echo "battery/temp:$(cat hardware/temp)"
    echo "battery/capacity:$(cat hardware/level)"
    echo "usb/type:USB"
    [ "$(cat hardware/usb)" = true ] && echo "usb/online:1" || echo "usb/online:0"
    echo "pen/type:Battery"
    echo "pen/scope:Device"
    echo "pen/temp:999";;
  *) exec grep "$@";;
esac
"""

CAT = """PATH=${PATH#*:}
case "$*" in
  *scaling_max_freq*)
    [ "$(cat {folder}/pinned 2>/dev/null)" = true ] && echo 1900000 || cat {folder}/clock_khz;;
  *) exec cat "$@";;
esac
"""

# system/logging, logcat: prints the buffers that it is asked for.
LOGCAT = "cat {folder}/log"
# A user build's kernel does not show its log to the shell: kernel.dmesg_restrict.
DMESG = "echo 'dmesg: klogctl: Operation not permitted' >&2; exit 1"


def commands(folder: str, lag_s: float = 0.0) -> Mapping[str, str]:
    """Return the programs of a phone that keeps its state in a folder, by name.

    Args:
        folder: Where the state is.
        lag_s: How long clocks take to follow a change of fixed-performance mode.
    """
    scripts = {
        "dumpsys": DUMPSYS, "cmd": CMD, "grep": GREP, "cat": CAT, "logcat": LOGCAT, "dmesg": DMESG,
    }  # fmt: skip
    return {
        name: script.replace("{folder}", folder).replace("{lag_s}", str(lag_s))
        for name, script in scripts.items()
    }


def scripted_phone(folder: Path, lag_s: float = 0.0) -> LocalLink:
    """Make a phone of this computer's shell that keeps its state in a folder, and a link to it."""
    link = LocalLink(folder, commands(str(folder), lag_s))
    link.run(set_up(str(folder)))
    link.ran.clear()
    return link


def set_up(folder: str) -> str:
    """Return shell that puts a healthy phone's state into a folder: on a cable, its screen off."""
    lines = [f"mkdir -p {folder}/hardware", f"cd {folder}"]
    lines += [f"echo '{value}' > hardware/{name}" for name, value in HARDWARE.items()]
    lines += [f"echo '{value}' > {name}" for name, value in OTHERS.items()]
    return "; ".join(lines)
