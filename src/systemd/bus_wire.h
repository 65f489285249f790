// SPDX-License-Identifier: Apache-2.0
// Our values to and from the messages of sdbus-c++. They throw sdbus::Error: for bus_connection.cc only.
#pragma once

#include "systemd/bus_connection.h"

namespace sdbus {
class Message;
}

namespace rktlet::systemd {

void WriteArgument(sdbus::Message& message, const BusArgument& argument);
BusReply ReadReply(sdbus::Message& message, ReplyShape shape);
// a{sv}: the properties that UnitFacts or ManagerInfo have a place for; the others are passed over.
FactMap ReadFacts(sdbus::Message& message);

}  // namespace rktlet::systemd
