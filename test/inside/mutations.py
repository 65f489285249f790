# SPDX-License-Identifier: Apache-2.0
"""Requests with fields that nobody should send: any field, found by reflection, and fields that contradict each other."""

from google.protobuf.descriptor import FieldDescriptor as Field

TEXTS = ["", "..", "../../../etc/passwd", "/../..", "/", "\n", "a\0b", "\x01\x7f\x1b[2J", "%n%s $(id) ` ; \" ' \\", "-",
         "--config=/etc/shadow", "a" * 255, "a" * 4096, "/" + "b" * 5000, "c" * (1 << 18), "x", "/tmp", "0-1", "ü"]
NUMBERS = [-2**63, 2**63 - 1, -2**31, 2**31 - 1, -1, 0, 1, 7, 999, 5000, 2**40]
MANY = 10_000
MANY_BYTES = 8 << 20  # of many items together: more than CRI's clients send is refused before anybody looks at it
WRONG_ENUMERATOR = 4711

# Each a part of a request that says two things at once; what it belongs to is told by the field that it is put in.
CONTAINER_CONTRADICTIONS = [
    {"linux": {"security_context": {"privileged": True}}},
    {"linux": {"security_context": {"run_as_group": {"value": 5}}}},
    {"linux": {"security_context": {"run_as_user": {"value": 5}, "run_as_username": "nobody"}}},
    {"linux": {"security_context": {"namespace_options": {"pid": 3}}}},
    {"linux": {"security_context": {"namespace_options": {"target_id": "nobody"}}}},
    {"linux": {"security_context": {"namespace_options": {"network": 0, "ipc": 2}}}},
    {"linux": {"security_context": {"seccomp": {"profile_type": 1, "localhost_ref": "a.json"}}}},
    {"linux": {"security_context": {"seccomp": {"profile_type": 2}}}},
    {"linux": {"security_context": {"apparmor": {"profile_type": 2}, "apparmor_profile": "unconfined"}}},
    {"linux": {"security_context": {"capabilities": {"add_capabilities": ["ALL"], "drop_capabilities": ["ALL"],
                                                     "add_ambient_capabilities": ["CHOWN"]}}}},
    {"linux": {"resources": {"memory_limit_in_bytes": 1 << 26, "memory_swap_limit_in_bytes": 1 << 20}}},
    {"linux": {"resources": {"cpu_quota": 1000, "cpu_period": 1}}},
    {"linux": {"resources": {"cpuset_cpus": "5-1", "cpuset_mems": "9999"}}},
    {"linux": {"resources": {"unified": {"memory.max": "1", "cgroup.procs": "0"}, "memory_limit_in_bytes": 1 << 26}}},
    {"mounts": [{"host_path": "/tmp", "container_path": "/a", "recursive_read_only": True}]},
    {"mounts": [{"host_path": "/tmp", "container_path": "/a", "readonly": True, "recursive_read_only": True,
                 "propagation": 2}]},
    {"mounts": [{"host_path": "/tmp", "container_path": "/"}]},
    {"mounts": [{"host_path": "/tmp", "container_path": "/proc"}, {"host_path": "/tmp", "container_path": "/proc/1"}]},
    {"mounts": [{"host_path": "/tmp", "container_path": "/a", "image": {"image": "x"}, "image_sub_path": "../.."}]},
    {"mounts": [{"host_path": "/tmp", "container_path": "/a"}] * 2},
    {"devices": [{"host_path": "/tmp", "container_path": "/dev/x", "permissions": "rwm"}]},
    {"stdin_once": True}, {"tty": True, "stdin": False, "stdin_once": True},
    {"command": [""], "args": [""]}, {"envs": [{"key": "A=B", "value": "AA=="}]},
    {"annotations": {"io.kubernetes.pod.terminationGracePeriod": "-1"}},
]
POD_CONTRADICTIONS = [
    {"port_mappings": [{"container_port": 80, "host_port": 80}] * 2},
    {"port_mappings": [{"host_port": 80}]},
    {"port_mappings": [{"container_port": 80, "host_port": 8080, "host_ip": "1.2.3"}]},
    {"linux": {"sysctls": {"net.ipv4.ip_forward": "1", "kernel.shmmax": "1"}}},
    {"linux": {"cgroup_parent": "a.slice/b.slice/../c.slice"}},
    {"linux": {"security_context": {"run_as_group": {"value": 5}}}},
    {"linux": {"security_context": {"namespace_options": {"pid": 3, "network": 2, "target_id": "x"}}}},
    {"linux": {"security_context": {"namespace_options": {"network": 2, "userns_options": {
        "mode": 0, "uids": [{"host_id": 0, "container_id": 1, "length": 0}]}}}}},
    {"linux": {"security_context": {"namespace_options": {"network": 2, "userns_options": {
        "mode": 2, "gids": [{"host_id": 2**32 - 1, "container_id": 0, "length": 2**32 - 1}]}}}}},
    {"linux": {"resources": {"cpu_quota": 1, "cpu_period": -1}}},
    {"hostname": "-a.b-"}, {"dns_config": {"servers": ["not an address"], "searches": ["a b\nnameserver 1.1.1.1"]}},
]


def fields_of(descriptor, prefix=()):
    """Paths of all fields that hold a value, and whether each is a map."""
    for field in descriptor.fields:
        path = prefix + (field,)
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.type == Field.TYPE_MESSAGE and not is_map:
            yield from fields_of(field.message_type, path)
        else:
            yield path, is_map


def parent_of(message, path):
    for field in path[:-1]:
        if field.label == Field.LABEL_REPEATED:
            items = getattr(message, field.name)
            message = items[0] if items else items.add()
        else:
            message = getattr(message, field.name)
            message.SetInParent()
    return message


def fitting(field, chance):
    value = chance.choice(NUMBERS)
    if field.cpp_type == Field.CPPTYPE_ENUM:
        return chance.choice([*field.enum_type.values_by_number, WRONG_ENUMERATOR, -1])
    bits, low = {Field.CPPTYPE_INT32: (32, -2**31), Field.CPPTYPE_UINT32: (32, 0), Field.CPPTYPE_INT64: (64, -2**63),
                 Field.CPPTYPE_UINT64: (64, 0)}[field.cpp_type]
    return low + (value - low) % 2**bits


def value_for(field, chance):
    if field.cpp_type == Field.CPPTYPE_STRING:
        text = chance.choice(TEXTS)
        return text.encode() if field.type == Field.TYPE_BYTES else text
    if field.cpp_type == Field.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.cpp_type in (Field.CPPTYPE_DOUBLE, Field.CPPTYPE_FLOAT):
        return chance.choice([0.0, -1.0, float("nan"), float("inf")])
    return fitting(field, chance)


def many_items(message, path, chance):
    """The list nearest to the field with very many equal items, if there is one: 10,000 mounts, devices, variables."""
    for depth in range(len(path), 0, -1):
        field = path[depth - 1]
        if field.label == Field.LABEL_REPEATED and field.type == Field.TYPE_MESSAGE and depth < len(path):
            items = getattr(parent_of(message, path[:depth]), field.name)
            if items:
                number = MANY // chance.choice([1, 10, 100])
                items.extend([items[0]] * min(number, MANY_BYTES // (1 + items[0].ByteSize())))
            return


def mutate(message, path, is_map, chance):
    field = path[-1]
    parent = parent_of(message, path)
    many = MANY if chance.random() < 0.05 else 1
    if is_map:
        for number in range(many):
            getattr(parent, field.name)[chance.choice(TEXTS) if many == 1 else f"k{number}"] = chance.choice(TEXTS[:12])
    elif field.label == Field.LABEL_REPEATED:
        value = value_for(field, chance)
        size = len(value) if isinstance(value, (str, bytes)) else 8
        getattr(parent, field.name).extend([value] * min(many, MANY_BYTES // (1 + size)))
    else:
        setattr(parent, field.name, value_for(field, chance))
        if many > 1:
            many_items(message, path, chance)


def name_of(path):
    return ".".join(step.name for step in path)
