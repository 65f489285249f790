# SPDX-License-Identifier: Apache-2.0
"""Compares what a request that succeeded has asked for with what the runtime tells of the result."""

import json

DEFAULT_HANDLER = "crun"  # what a pod that names none has, unless configured


def differences(asked, told, names):
    """Of fields that have the same name in both messages."""
    for name in names:
        want, have = getattr(asked, name), getattr(told, name)
        if want != have:
            yield f"{name}: asked for {str(want)[:200]!r}, told {str(have)[:200]!r}"


def resources(asked, told):
    """0 and nothing are not asked for."""
    for field, want in asked.ListFields():
        if field.name == "hugepage_limits":
            have = {limit.page_size: limit.limit for limit in told.hugepage_limits}
            for limit in want:
                if have.get(limit.page_size) is None:
                    yield f"hugepage_limits: no {limit.page_size}"
        elif field.name == "unified":
            for key, value in want.items():
                if told.unified.get(key) != value:
                    yield f"unified: asked for {key}={value[:100]!r}, told {told.unified.get(key)!r}"
        elif want != getattr(told, field.name):
            yield f"resources.{field.name}: asked for {want!r}, told {getattr(told, field.name)!r}"


def mounts(asked, told):
    if len(asked) != len(told):
        yield f"mounts: asked for {len(asked)}, told {len(told)}"
        return
    for want, have in zip(asked, told):
        yield from differences(want, have, ["container_path", "host_path", "readonly", "recursive_read_only",
                                            "selinux_relabel", "propagation"])


def texts(document, name):
    """A list of the engine's document: what is not UTF-8 is written in base64 there, and requests hold none."""
    return [value for value in document.get(name, [])]


def container(config, answer):
    """Of ContainerStatus, verbose."""
    status = answer.status
    yield from differences(config.metadata, status.metadata, ["name", "attempt"])
    yield from differences(config, status, ["labels", "annotations"])
    yield from mounts(config.mounts, status.mounts)
    yield from resources(config.linux.resources, status.resources.linux)
    if config.stop_signal:
        yield from differences(config, status, ["stop_signal"])
    if config.log_path and not status.log_path.endswith("/" + config.log_path):
        yield f"log_path: asked for {config.log_path!r}, told {status.log_path!r}"
    context = config.linux.security_context
    user = status.user.linux
    if context.HasField("run_as_user") and user.uid != context.run_as_user.value:
        yield f"user: asked for {context.run_as_user.value}, told {user.uid}"
    if context.HasField("run_as_group") and user.gid != context.run_as_group.value:
        yield f"group: asked for {context.run_as_group.value}, told {user.gid}"
    if not set(context.supplemental_groups) <= set(user.supplemental_groups):
        yield f"groups: asked for {context.supplemental_groups}, told {user.supplemental_groups}"
    document = json.loads(answer.info["info"])["config"]
    security = document.get("security", {})
    capabilities = security.get("capabilities", {})
    for want, have, name in [
            (list(config.command), texts(document, "command"), "command"),
            (list(config.args), texts(document, "args"), "args"),
            (config.working_dir, document.get("working_directory", ""), "working_dir"),
            ([variable.key for variable in config.envs],
             [variable.get("name", "") for variable in document.get("environment", [])], "envs"),
            (len(config.devices), len(document.get("devices", [])), "devices"),
            (config.tty, document.get("tty", False), "tty"), (config.stdin, document.get("stdin_open", False), "stdin"),
            (context.privileged, security.get("privileged", False), "privileged"),
            (context.readonly_rootfs, security.get("read_only_root", False), "readonly_rootfs"),
            (context.no_new_privs, security.get("no_new_privileges", False), "no_new_privs"),
            (list(context.capabilities.add_capabilities), capabilities.get("add", []), "add_capabilities"),
            (list(context.capabilities.drop_capabilities), capabilities.get("drop", []), "drop_capabilities"),
            (context.run_as_username, security.get("run_as_username", ""), "run_as_username")]:
        if want != have:
            yield f"{name}: asked for {str(want)[:200]!r}, the document has {str(have)[:200]!r}"


def pod(request, answer):
    """Of PodSandboxStatus, verbose."""
    config, status = request.config, answer.status
    yield from differences(config.metadata, status.metadata, ["name", "namespace", "uid", "attempt"])
    yield from differences(config, status, ["labels", "annotations"])
    if status.runtime_handler != (request.runtime_handler or DEFAULT_HANDLER):
        yield f"runtime_handler: asked for {request.runtime_handler!r}, told {status.runtime_handler!r}"
    namespaces = config.linux.security_context.namespace_options
    yield from differences(namespaces, status.linux.namespaces.options, ["network", "pid", "ipc"])
    document = json.loads(answer.info["info"])["config"]
    dns = document.get("dns", {})
    security = document.get("security", {})
    context = config.linux.security_context
    for want, have, name in [
            (config.hostname or document["hostname"], document.get("hostname", ""), "hostname"),
            (config.log_directory, document.get("log_directory", ""), "log_directory"),
            (list(config.dns_config.servers), dns.get("servers", []), "dns_config.servers"),
            (list(config.dns_config.searches), dns.get("searches", []), "dns_config.searches"),
            (list(config.dns_config.options), dns.get("options", []), "dns_config.options"),
            (dict(config.linux.sysctls), document.get("sysctls", {}), "sysctls"),
            (sum(1 for port in config.port_mappings if port.host_port), len(document.get("ports", [])), "ports"),
            (context.privileged, security.get("privileged", False), "privileged")]:
        if want != have:
            yield f"{name}: asked for {str(want)[:200]!r}, the document has {str(have)[:200]!r}"


def listed(filter_, item, state):
    """Whether an item of a list is what its filter asks for. `state`: the filter's field has one."""
    if not item.id.startswith(filter_.id):
        yield f"id {item.id} does not begin with {filter_.id[:100]!r}"
    if state and filter_.HasField("state") and item.state != filter_.state.state:
        yield f"state {item.state} instead of {filter_.state.state}"
    for key, value in filter_.label_selector.items():
        if item.labels.get(key) != value:
            yield f"label {key[:100]!r} is {item.labels.get(key)!r}"
